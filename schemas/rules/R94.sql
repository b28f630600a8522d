/*
id: R94
title: 后备每年考察
severity: warning
clause: management-2025#6
complete: reserve_reviews
table: reserve
column: reserve_id
message: "{village_name}后备{person_name}（{reserve_id}）{problem}。"
remedy: "请乡镇（街道）党（工）委考察并登记结果；考察不合格的，填写出库日期和原因。"
*/
-- Asked of who was in store for the whole of a finished year: who came or left within it had no year to be looked at.
SELECT r.reserve_id, r.person_id, r.village_id, v.name AS village_name, coalesce(p.name, r.person_id) AS person_name,
    y.year || '年没有考察' AS problem, r._file, r._line
FROM build CROSS JOIN reserve AS r CROSS JOIN (SELECT unnest(generate_series(2025, year(as_of) - 1)) AS year FROM build) AS y
LEFT JOIN people AS p USING (person_id) LEFT JOIN villages AS v ON v.village_id = r.village_id
WHERE r.entered_on <= make_date(y.year::INTEGER, 1, 1) AND (r.exited_on IS NULL OR r.exited_on > year_end(y.year))
  AND param('activist_months', year_end(y.year)) IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM reserve_reviews AS w WHERE w.reserve_id = r.reserve_id AND w.year = y.year)
UNION ALL BY NAME
SELECT r.reserve_id, r.person_id, r.village_id, v.name AS village_name, coalesce(p.name, r.person_id) AS person_name,
    w.year || '年考察不合格，还没有出库' AS problem, r._file, r._line
FROM build CROSS JOIN reserve_reviews AS w JOIN reserve AS r USING (reserve_id)
LEFT JOIN people AS p USING (person_id) LEFT JOIN villages AS v ON v.village_id = r.village_id
WHERE w.result = '不合格' AND w.date <= as_of AND r.exited_on IS NULL
