/*
id: R75
title: 扫描件写全，页数与材料一致
severity: error
clause: [filing#18, filing#25]
table: filing_materials
column: scan
message: "{village_name}{name}（{person_id}）的{kind}{filing_id}，材料“{title}”的扫描件{problem}。"
remedy: "请核对扫描件：文件名、页数、摘要三项写全，页数与材料一致，一个文件名只指一个文件。"
*/
-- Nobody here can open the scan: what is written of it must at least agree with itself.
WITH scan AS (
    SELECT m.*, f.kind, f.person_id, f.village_id, f.tenure_id,
        count(DISTINCT m.scan_sha256) OVER (PARTITION BY m.filing_id, m.scan) AS files
    FROM filing_materials AS m JOIN filings AS f USING (filing_id)
    WHERE coalesce(m.scan, m.scan_pages::VARCHAR, m.scan_sha256) IS NOT NULL
), judged AS (
    SELECT *, concat_ws('，',
        CASE WHEN scan IS NULL THEN '没有写文件名' END,
        CASE WHEN scan_pages IS NULL THEN '没有写页数' END,
        CASE WHEN scan_sha256 IS NULL THEN '没有写摘要' END,
        CASE WHEN scan_pages <> pages THEN '是' || scan_pages || '页，材料是' || pages || '页' END,
        CASE WHEN scan IS NOT NULL AND files > 1 THEN '“' || scan || '”有两个不同的摘要' END
    ) AS problem
    FROM scan
)
SELECT j._file, j._line, j.filing_id, j.kind, j.person_id, j.village_id, v.township_id, j.tenure_id, v.name AS village_name, p.name,
    coalesce(j.title, j.material) AS title, j.problem
FROM judged AS j LEFT JOIN villages AS v USING (village_id) LEFT JOIN people AS p USING (person_id)
WHERE j.problem <> ''
