/*
id: R33
title: 备案材料齐全
severity: error
clause: [filing#19, filing#20, filing#21]
complete: required_materials
table: filings
column: filing_id
message: "{village_name}{name}（{person_id}）的{kind}{filing_id}缺少材料：{lacking}。"
remedy: "请补齐材料并逐项登记；确实不需要的，核对产生方式、“一肩挑”和调整编号是否填对。"
*/
-- Judged once it has been handed in, by the list in force on that day; while it is being drafted, checked by the township
-- or put right after a return, nothing is missing yet.
WITH head AS MATERIALIZED (
    -- By itself: below a condition the whole calendar would be held once for each row.
    SELECT person_id, village_id, term, add_working_days(started_on, param_count('report_working_days', started_on)) AS due_on
    FROM tenures WHERE post = '村（居）委会主任'
), submitted AS (
    SELECT f._file, f._line, f.filing_id, f.kind, f.person_id, f.village_id, f.tenure_id, f.concurrent, f.adjustment_id,
        t.origin, s.township_id, s.village_name, s.person_name AS name, s.submitted_on,
        -- The certificate of a committee that is elected later is handed in when there is one.
        EXISTS (
            SELECT 1 FROM head AS h
            WHERE h.person_id = f.person_id AND h.village_id = f.village_id AND h.term = t.term AND h.due_on < as_of
        ) AS certified
    FROM filings AS f JOIN filing_status AS s USING (filing_id) LEFT JOIN tenures AS t ON t.tenure_id = f.tenure_id, build
    WHERE s.submitted_on IS NOT NULL AND s.state NOT IN ('起草', '乡镇审核', '退回')
), lacking AS (
    SELECT s.filing_id, list(DISTINCT r.material) AS materials
    FROM submitted AS s
    JOIN required_materials AS r ON r.kind = s.kind
        AND r.effective_from <= s.submitted_on AND (r.effective_to IS NULL OR r.effective_to >= s.submitted_on)
        AND CASE r.condition
            WHEN '一律' THEN true
            WHEN '选举产生' THEN coalesce(s.origin = '选举产生', false)
            WHEN '上级任命' THEN coalesce(s.origin <> '选举产生', false)
            WHEN '一肩挑' THEN coalesce(s.concurrent AND s.certified, false)
            WHEN '组织调整' THEN s.adjustment_id IS NOT NULL
        END
    ANTI JOIN filing_materials AS m ON m.filing_id = s.filing_id AND m.material = r.material
    GROUP BY s.filing_id
)
SELECT s._file, s._line, s.filing_id, s.person_id, s.village_id, s.township_id, s.tenure_id, s.village_name, s.name, s.kind,
    array_to_string(list_sort(l.materials), '、') AS lacking
FROM submitted AS s JOIN lacking AS l USING (filing_id)
