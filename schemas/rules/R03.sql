/*
id: R03
title: 姓名用字规范
severity: error
clause: records#4
table: people
column: name
message: "姓名“{written}”{problem}。"
remedy: "请按身份证填写；少数民族姓名的间隔号用“·”（U+00B7），生僻字用规范的编码输入。"
*/
-- Han characters are not listed: every character of the standard is allowed in a name, also the rare ones.
WITH names AS (
    SELECT _file, _line, 'people' AS _table, 'name' AS _column, person_id, name AS written FROM people
    UNION ALL
    SELECT _file, _line, 'people', 'former_name', person_id, former_name FROM people
    UNION ALL
    SELECT _file, _line, 'supervision_members', 'name', person_id, name FROM supervision_members
), problems AS (
    SELECT *, concat_ws('；',
        -- Dots that look like the right one, in the order in which they are met: bullets, katakana, full width, ASCII, and
        -- what other scripts have.
        CASE WHEN regexp_matches(written, '[•‧・･．∙⋅․●.。ꞏ⸱⸳᛫ᐧ˙]') THEN '的间隔号用错了，应当用“·”' END,
        CASE WHEN regexp_matches(written, '^·|·$|··') THEN '的间隔号应当在两部分之间，只用一个' END,
        CASE WHEN nfc_normalize(written) <> written THEN '含有没有规范化的字符，规范写法是“' || nfc_normalize(written) || '”' END,
        -- Radicals, as PDF has them, look like the character and are none; a lost character leaves a question mark.
        CASE WHEN regexp_matches(written, '[\x{2E80}-\x{2FDF}]') THEN '含有偏旁部首的编码，不是汉字，查找不到' END,
        CASE WHEN regexp_matches(regexp_replace(written, '[·•‧・･．∙⋅․●.。ꞏ⸱⸳᛫ᐧ˙〇\x{2E80}-\x{2FDF}]', '', 'g'), '[\p{N}\p{P}\p{S}]')
            THEN '含有数字、标点或者符号' END,
        -- Private code points show as another character, or none, on the next machine.
        CASE WHEN regexp_matches(written, '[\x{E000}-\x{F8FF}\x{F0000}-\x{10FFFD}]') THEN '含有自造字编码，别的电脑上显示不出来' END,
        -- Whatever shows nothing: spaces, controls, marks of direction, joiners, variation selectors, fillers.
        CASE WHEN regexp_matches(written, '[\p{Z}\p{Cc}\p{Cf}\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}\x{115F}\x{1160}\x{3164}\x{FFA0}]') THEN '含有空格或者看不见的字符' END,
        CASE WHEN length(written) > param_number('name_length_max', as_of)
            THEN '有' || length(written) || '个字，超过' || param('name_length_max', as_of) || '个字' END
    ) AS problem
    FROM names, build WHERE written IS NOT NULL
)
SELECT _file, _line, _table, _column, person_id, written, problem
FROM problems WHERE problem <> ''
