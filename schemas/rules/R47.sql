/*
id: R47
title: 先调研后设课，课程对应需求
severity: warning
clause: [training#5, training#6]
table: training_classes
column: survey_ended_on
message: "{title}（{class_id}）：{problem}。"
remedy: "开班以前应当调研需求，每门课程填写对应的需求编号；没有对应需求的课程不列入计划。"
*/
-- Classes of the province and above are not planned here; their courses answer to no survey of ours.
WITH own AS (
    SELECT c.*, as_of, coalesce(c.survey_started_on, c.survey_ended_on, c.started_on) <= as_of AS begun
    FROM training_classes AS c CROSS JOIN build WHERE c.level <= '市级'::training_classes_level
)
SELECT c.class_id, c.title, NULL AS ordinal,
    CASE WHEN c.survey_ended_on IS NULL THEN '没有填写需求调研结束日期'
        ELSE '需求调研' || day_in_words(c.survey_ended_on) || '结束，不早于开班日期' || day_in_words(c.started_on) END AS problem,
    'training_classes' AS _table, 'survey_ended_on' AS _column, c._file, c._line
-- A class still to come has its survey still to come.
FROM own AS c WHERE (c.survey_ended_on IS NULL AND c.started_on <= c.as_of) OR (c.begun AND c.survey_ended_on >= c.started_on)
UNION ALL BY NAME
SELECT c.class_id, c.title, '已经开班，没有登记课程' AS problem, 'training_classes' AS _table, 'class_id' AS _column, c._file, c._line
FROM own AS c ANTI JOIN training_courses USING (class_id) WHERE c.started_on <= c.as_of AND c.survey_ended_on IS NOT NULL
UNION ALL BY NAME
SELECT k.class_id, k.title, k.ordinal,
    '课程“' || k.course || '”' || CASE WHEN k.need IS NULL THEN '没有对应的需求' ELSE '对应的需求“' || k.need || '”不在需求清单中' END AS problem,
    'training_courses' AS _table, 'need' AS _column, k._file, k._line
FROM (SELECT c.class_id, o.title, c.ordinal, c.title AS course, c.need, c._file, c._line FROM training_courses AS c JOIN own AS o USING (class_id) WHERE o.begun) AS k
ANTI JOIN training_needs AS n ON n.class_id = k.class_id AND n.need = k.need
