/*
id: R40
title: 三方责任人齐全
severity: error
clause: first-secretary#4
table: first_secretaries
column: city_responsible
message: "{village_name}第一书记{person_name}（{first_secretary_id}）没有明确{missing}。"
remedy: "市级、派出单位、驻地乡镇三方责任人缺一不可，请补填责任单位和责任人。"
*/
-- Past postings too: who was responsible then is part of the record.
SELECT f.first_secretary_id, f.person_id, f.village_id, v.name AS village_name, coalesce(p.name, f.person_id) AS person_name,
    concat_ws('、', CASE WHEN f.city_responsible IS NULL THEN '市级责任人' END,
        CASE WHEN f.unit_responsible IS NULL THEN '派出单位责任人' END,
        CASE WHEN f.township_responsible IS NULL THEN '驻地乡镇责任人' END) AS missing,
    CASE WHEN f.city_responsible IS NULL THEN 'city_responsible' WHEN f.unit_responsible IS NULL THEN 'unit_responsible'
        ELSE 'township_responsible' END AS _column,
    f._file, f._line
FROM first_secretaries AS f LEFT JOIN people AS p USING (person_id) LEFT JOIN villages AS v ON v.village_id = f.village_id
WHERE (f.city_responsible IS NULL OR f.unit_responsible IS NULL OR f.township_responsible IS NULL)
  AND param('fs_term_years', f.started_on) IS NOT NULL
