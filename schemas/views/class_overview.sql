/*
title: 培训班次情况
description: 每个班次的调研、课程、学员和“三个结合”“结业交流”登记情况。
fields:
  class_id: {title: 班次编号, sensitivity: internal}
  title: {title: 班次名称, sensitivity: internal}
  level: {title: 培训级别, sensitivity: internal}
  org_name: {title: 主办单位, sensitivity: internal}
  started_on: {title: 开班日期, sensitivity: internal}
  ended_on: {title: 结业日期, sensitivity: internal}
  state: {title: 状态, sensitivity: internal}
  days: {title: 天数, sensitivity: internal}
  quota: {title: 计划人数, sensitivity: internal}
  participants: {title: 参训人数, sensitivity: internal}
  secretaries: {title: 其中在任书记, sensitivity: internal}
  townships: {title: 涉及乡镇（街道）, sensitivity: internal}
  finished: {title: 结业人数, sensitivity: internal}
  outstanding: {title: 优秀学员, sensitivity: internal}
  absent: {title: 缺课人数, sensitivity: internal}
  survey_ended_on: {title: 调研结束日期, sensitivity: internal}
  survey_sample: {title: 调研人数, sensitivity: internal}
  survey_before: {title: 是否先调研, sensitivity: internal}
  needs: {title: 需求条数, sensitivity: internal}
  courses: {title: 课程门数, sensitivity: internal}
  courses_linked: {title: 对应需求的课程, sensitivity: internal}
  hours_theory: {title: 政治理论学时, sensitivity: internal}
  hours_business: {title: 岗位业务学时, sensitivity: internal}
  hours_practice: {title: 实用技术学时, sensitivity: internal}
  combinations: {title: 已登记的结合（共三个）, sensitivity: internal}
  talks: {title: 结业交流人数, sensitivity: internal}
*/
WITH who AS (
    SELECT a.class_id, count(*) FILTER (a.result <> '缺课') AS participants,
        count(*) FILTER (a.result IN ('结业', '优秀学员')) AS finished, count(*) FILTER (a.result = '优秀学员') AS outstanding,
        count(*) FILTER (a.result = '缺课') AS absent, count(DISTINCT s.person_id) FILTER (a.result <> '缺课') AS secretaries,
        count(DISTINCT s.township_id) FILTER (a.result <> '缺课') AS townships
    FROM attendance AS a JOIN training_classes AS c USING (class_id)
    LEFT JOIN secretary_tenures AS s ON s.person_id = a.person_id AND in_office(s.started_on, s.ended_on, c.ended_on)
    GROUP BY a.class_id
),
taught AS (
    SELECT c.class_id, count(*) AS courses, count(n.need) AS courses_linked,
        coalesce(sum(c.hours) FILTER (c.type = '政治理论'), 0) AS hours_theory,
        coalesce(sum(c.hours) FILTER (c.type = '岗位业务'), 0) AS hours_business,
        coalesce(sum(c.hours) FILTER (c.type = '实用技术'), 0) AS hours_practice
    FROM training_courses AS c LEFT JOIN training_needs AS n ON n.class_id = c.class_id AND n.need = c.need
    GROUP BY c.class_id
),
asked AS (SELECT class_id, count(*) AS needs FROM training_needs GROUP BY class_id),
spoke AS (SELECT class_id, count(*) AS talks FROM closing_talks GROUP BY class_id)
SELECT c.class_id, c.title, c.level::VARCHAR AS level, o.short_name AS org_name, c.started_on, c.ended_on,
    CASE WHEN c.started_on > as_of THEN '未开班' WHEN c.ended_on >= as_of THEN '进行中' ELSE '已结业' END AS state,
    c.days, c.quota, coalesce(w.participants, 0) AS participants, coalesce(w.secretaries, 0) AS secretaries,
    coalesce(w.townships, 0) AS townships, coalesce(w.finished, 0) AS finished, coalesce(w.outstanding, 0) AS outstanding,
    coalesce(w.absent, 0) AS absent, c.survey_ended_on, c.survey_sample, coalesce(c.survey_ended_on < c.started_on, false) AS survey_before,
    coalesce(n.needs, 0) AS needs, coalesce(t.courses, 0) AS courses, coalesce(t.courses_linked, 0) AS courses_linked,
    coalesce(t.hours_theory, 0) AS hours_theory, coalesce(t.hours_business, 0) AS hours_business, coalesce(t.hours_practice, 0) AS hours_practice,
    (c.combinations_lecture_interaction IS NOT NULL)::INTEGER + (c.combinations_class_visit IS NOT NULL)::INTEGER
        + (c.combinations_exchange_use IS NOT NULL)::INTEGER AS combinations,
    coalesce(s.talks, 0) AS talks
FROM build CROSS JOIN training_classes AS c LEFT JOIN organisations AS o ON o.org_id = c.org_id
LEFT JOIN who AS w ON w.class_id = c.class_id LEFT JOIN taught AS t ON t.class_id = c.class_id
LEFT JOIN asked AS n ON n.class_id = c.class_id LEFT JOIN spoke AS s ON s.class_id = c.class_id
