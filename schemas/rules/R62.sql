/*
id: R62
title: 文字中不得夹带号码
severity: error
clause: records#13
table: people
message: "{place}里疑似有{kinds}。"
remedy: "请删去号码；确实需要的，填在加密的栏目里。已经提交过的，请告知管理员从历史中清除。"
*/
-- Check digits keep ordinary numbers out: one in eleven random numbers would pass as an ID number, but its date must be real
-- too. Restricted fields are R61's. The number itself is never selected.
WITH suspicious AS MATERIALIZED (
    -- Who reads the history reads messages and names of files as well.
    SELECT '提交' AS table_name, '提交' || left(commit, 10) || '的说明' AS field, '' AS _file, 0 AS _line, number_candidates(concat_ws(' ', subject, body)) AS numbers
    FROM proposed_commits WHERE may_hold_number(concat_ws(' ', subject, body))
    UNION ALL
    SELECT '提交', '分支或者标签的名称', '', 0, number_candidates(refs) FROM build WHERE may_hold_number(refs)
    UNION ALL
    SELECT '文件', '文件名', _file, 1, number_candidates(_file) FROM (SELECT DISTINCT _file FROM cells UNION SELECT _file FROM proposed_files) WHERE may_hold_number(_file)
    UNION ALL
    SELECT table_name, field, _file, _line, number_candidates(value)
    FROM cells
    -- Only where the schema leaves open what is written: a date or a word of a list holds no number.
    WHERE free AND sensitivity <> 'restricted' AND may_hold_number(value) AND NOT is_sealed(value) AND NOT is_digest(value)
        -- A SHA-256 is drawn by lot; eleven digits of it in a row mean nothing.
        AND NOT regexp_full_match(value, '[0-9a-f]{64}')
),
judged AS MATERIALIZED (
    SELECT table_name, field, _file, _line,
        concat_ws('、', CASE WHEN len(list_filter(numbers, lambda n: is_id_number(n))) > 0 THEN '身份证号' END,
            CASE WHEN len(list_filter(numbers, lambda n: is_mobile(n))) > 0 THEN '手机号码' END,
            -- An ID number may pass Luhn by chance; it is one thing, not two.
            CASE WHEN len(list_filter(numbers, lambda n: is_bank_card(n) AND NOT is_id_number(n))) > 0 THEN '银行卡号' END) AS kinds
    FROM suspicious
)
SELECT '' AS _table, '' AS _column, field AS place, kinds, _file, _line FROM judged WHERE kinds <> '' AND table_name IN ('提交', '文件')
UNION ALL BY NAME
SELECT j.table_name AS _table, j.field AS _column, '“' || t.title || '”的“' || f.title || '”' AS place, j.kinds, j._file, j._line
FROM judged AS j JOIN fields AS f ON f.table_name = j.table_name AND f.name = j.field JOIN tables AS t ON t.name = j.table_name
WHERE j.kinds <> ''
    -- What stands in a clause stands in the text of the whole document, too.
    AND NOT (j.table_name = 'policies' AND j.field = 'body' AND EXISTS (
        SELECT 1 FROM judged AS c JOIN policy_clauses AS k ON c.table_name = 'policy_clauses' AND k._file = c._file AND k._line = c._line
        JOIN policies AS p USING (policy_id) WHERE p._file = j._file AND c.kinds = j.kinds))
