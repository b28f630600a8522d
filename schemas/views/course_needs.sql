/*
title: 需求与课程对应
description: 每个班次的每项需求由哪些课程回应；没有对应需求的课程、没有课程回应的需求也各列一行。
fields:
  class_id: {title: 班次编号, sensitivity: internal}
  class_title: {title: 班次名称, sensitivity: internal}
  year: {title: 年度, sensitivity: internal}
  need: {title: 需求编号, sensitivity: internal}
  topic: {title: 需求内容, sensitivity: internal}
  mentions: {title: 提出人次, sensitivity: internal}
  courses: {title: 课程门数, sensitivity: internal}
  hours: {title: 学时, sensitivity: internal}
  course_titles: {title: 课程, sensitivity: internal}
  state: {title: 状态, sensitivity: internal}
*/
-- A full join keeps both loose ends: a need that nobody teaches, and a course that nobody asked for.
SELECT coalesce(n.class_id, c.class_id) AS class_id, k.title AS class_title, year(k.started_on)::INTEGER AS year,
    n.need, n.topic, n.mentions, coalesce(c.courses, 0) AS courses, coalesce(c.hours, 0) AS hours, coalesce(c.course_titles, []) AS course_titles,
    CASE WHEN n.need IS NULL THEN '没有对应需求' WHEN c.courses IS NULL THEN '没有课程' ELSE '已设课' END AS state
FROM training_needs AS n
FULL JOIN (
    SELECT c.class_id, m.need, count(*) AS courses, sum(c.hours) AS hours, list(c.title ORDER BY c.ordinal) AS course_titles
    FROM training_courses AS c LEFT JOIN training_needs AS m ON m.class_id = c.class_id AND m.need = c.need
    GROUP BY c.class_id, m.need
) AS c ON c.class_id = n.class_id AND c.need = n.need
JOIN training_classes AS k ON k.class_id = coalesce(n.class_id, c.class_id)
