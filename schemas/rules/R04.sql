/*
id: R04
title: 区划代码与所属乡镇和有效期一致
severity: error
clause: records#5
table: villages
column: code
message: "{name}（{village_id}）的区划代码{code}有误：{problem}。"
remedy: "请核对代码、所属乡镇（街道）、设立和撤销日期。"
*/
-- Who else used the same code at the same time; two villages may use one code after each other.
WITH shared AS (
    SELECT a.village_id, list(b.name || '（' || b.village_id || '）' ORDER BY b.village_id) AS others
    FROM villages AS a JOIN villages AS b ON a.code = b.code AND a.village_id <> b.village_id
        AND a.valid_from < coalesce(b.valid_to, DATE '9999-12-31') AND b.valid_from < coalesce(a.valid_to, DATE '9999-12-31')
    GROUP BY a.village_id
), problems AS (
    SELECT v._file, v._line, v.village_id, v.name, v.code, v.township_id, concat_ws('；',
        CASE WHEN NOT regexp_full_match(v.code, '[0-9]{12}') THEN '应为12位数字' END,
        CASE WHEN regexp_full_match(v.code, '[0-9]{12}') AND NOT starts_with(v.code, o.division_code)
            THEN '前9位应与' || o.short_name || '的代码' || o.division_code || '相同' END,
        CASE WHEN o.division_code IS NULL THEN '所属机构没有区划代码，不是乡镇（街道）' END,
        CASE WHEN s.others IS NOT NULL THEN '同一时期还有' || array_to_string(s.others, '、') || '使用' END,
        CASE WHEN v.valid_to < v.valid_from THEN '撤销日期早于设立日期' END,
        CASE WHEN v.valid_from < o.valid_from OR coalesce(v.valid_to, DATE '9999-12-31') > o.valid_to
            THEN o.short_name || '在这一期间不是一直存在' END,
        CASE WHEN v.successor IS NOT NULL AND v.valid_to IS NULL THEN '填了并入的村（社区），没有填撤销日期' END,
        CASE WHEN NOT in_office(n.valid_from, n.valid_to, v.valid_to) THEN '撤销时，并入的' || n.name || '不在有效期内' END
    ) AS problem
    FROM villages AS v
    LEFT JOIN organisations AS o ON o.org_id = v.township_id
    LEFT JOIN villages AS n ON n.village_id = v.successor
    LEFT JOIN shared AS s ON s.village_id = v.village_id
)
SELECT _file, _line, village_id, township_id, name, code, problem
FROM problems WHERE problem <> ''
