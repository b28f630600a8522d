/*
id: R33
title: 备案材料齐全
severity: error
clause: [filing#19, filing#20, filing#21]
complete: required_materials
table: filings
column: filing_id
dated: submitted_on
message: "{village_name}{name}（{person_id}）的{kind}{filing_id}缺少材料：{lacking}。"
remedy: "请补齐材料并逐项登记；确实不需要的，核对产生方式、“一肩挑”和调整编号是否填对。"
*/
-- Judged once it has been handed in, by the list in force on that day; while it is being drafted, checked by the township
-- or put right after a return, nothing is missing yet.
WITH lacking AS (
    SELECT filing_id, list(DISTINCT material) AS materials FROM page_filing_materials WHERE state = '没有' GROUP BY filing_id
)
SELECT f._file, f._line, f.filing_id, f.person_id, f.village_id, s.township_id, f.tenure_id, s.village_name,
    s.person_name AS name, s.submitted_on, f.kind, array_to_string(list_sort(l.materials), '、') AS lacking
FROM filings AS f JOIN filing_status AS s USING (filing_id) JOIN lacking AS l USING (filing_id)
WHERE s.submitted_on IS NOT NULL AND s.state NOT IN ('起草', '乡镇审核', '退回')
