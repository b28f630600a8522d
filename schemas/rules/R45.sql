/*
id: R45
title: 各村有后备，后备有任务
severity: warning
clause: [cultivation#6, cultivation#5, management-2025#4]
complete: reserve
table: villages
column: poor
message: "{village_name}{problem}。"
remedy: "请推荐培养后备人选入库，并安排承担具体工作，写明任务和开始日期。"
*/
-- Two sides of one clause pair: a village without anybody, and somebody without anything to do.
SELECT s.village_id, s.village_name, NULL AS person_id, NULL AS reserve_id,
    CASE WHEN v.poor THEN '是省级贫困村，' ELSE '' END || '在库后备' || s.in_store || '人，少于' || s.required || '人' AS problem,
    'villages' AS _table, CASE WHEN v.poor THEN 'poor' ELSE 'village_id' END AS _column, v._file, v._line
FROM reserve_pipeline AS s JOIN villages AS v USING (village_id)
-- Where nobody is entered at all, nothing is known yet.
WHERE s.short AND (EXISTS (SELECT 1 FROM people) OR EXISTS (SELECT 1 FROM tenures) OR EXISTS (SELECT 1 FROM reserve))
UNION ALL BY NAME
SELECT r.village_id, v.name AS village_name, r.person_id, r.reserve_id,
    '后备' || coalesce(p.name, r.person_id) || '（' || r.reserve_id || '）' || day_in_words(r.entered_on) || '入库，还没有'
        || CASE WHEN r.duty IS NULL THEN '安排工作' ELSE '填写承担工作的日期' END AS problem,
    'reserve' AS _table, CASE WHEN r.duty IS NULL THEN 'duty' ELSE 'duty_from' END AS _column, r._file, r._line
FROM reserve AS r CROSS JOIN build LEFT JOIN people AS p USING (person_id) LEFT JOIN villages AS v ON v.village_id = r.village_id
WHERE in_office(r.entered_on, r.exited_on, as_of) AND (r.duty IS NULL OR r.duty_from IS NULL)
  -- Who already is secretary has his duty.
  AND r.stage <> '村党组织书记'
  AND param('reserve_min_poor', r.entered_on) IS NOT NULL
