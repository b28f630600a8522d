/*
id: R04
title: 区划代码与所属乡镇和有效期一致
severity: error
clause: records#5
complete: organisations
table: villages
column: code
message: "{name}（{village_id}）的区划代码{code}有误：{problem}。"
remedy: "请核对代码、所属乡镇（街道）、设立和撤销日期。"
*/
-- Who else used the same code at the same time; two villages may use one code after each other. Each is held against the
-- longest of those before it and the first of those after it: that finds every overlap without pairing all with all.
WITH spans AS (
    SELECT village_id, name || '（' || village_id || '）' AS label, code, valid_from, coalesce(valid_to, DATE '9999-12-31') AS until
    FROM villages WHERE code IS NOT NULL
), neighbours AS (
    SELECT *, max(until) OVER earlier AS before_until, arg_max(label, until) OVER earlier AS before_label,
        lead(valid_from) OVER line AS after_from, lead(label) OVER line AS after_label
    FROM spans
    WINDOW line AS (PARTITION BY code ORDER BY valid_from, village_id),
        earlier AS (PARTITION BY code ORDER BY valid_from, village_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), shared AS (
    SELECT village_id, CASE WHEN before_until > valid_from THEN before_label WHEN after_from < until THEN after_label END AS other
    FROM neighbours
), problems AS (
    SELECT v._file, v._line, v.village_id, v.name, v.code, v.township_id, concat_ws('；',
        CASE WHEN NOT regexp_full_match(v.code, '[0-9]{12}') THEN '应为12位数字' END,
        CASE WHEN regexp_full_match(v.code, '[0-9]{12}') AND NOT starts_with(v.code, o.division_code)
            THEN '前9位应与' || o.short_name || '的代码' || o.division_code || '相同' END,
        CASE WHEN o.division_code IS NULL AND v.code IS NOT NULL THEN '所属机构没有区划代码，不是乡镇（街道）' END,
        '同一时期还有' || s.other || '使用',
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
