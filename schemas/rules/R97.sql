/*
id: R97
title: 训后评估和回访
severity: warning
clause: management-2025#7
complete: training_classes
table: training_classes
column: evaluation_date
message: "{title}{problem}。"
remedy: "请收齐评估表、回访学员并登记日期和情况。"
*/
-- A revisit half a year on has a month to be made in, or it would be late on the day when it is due.
SELECT c.class_id, c.title, x.problem, x._column, c._file, c._line
FROM (SELECT t.*, as_of, param_count('evaluation_days', t.ended_on) AS limit_days, param_count('revisit_months', t.ended_on) AS limit_months
      FROM build CROSS JOIN training_classes AS t WHERE t.level >= '市级'::training_classes_level) AS c,
LATERAL (
    SELECT 'evaluation_date' AS _column, day_in_words(c.ended_on) || '结业，' || CASE WHEN evaluation_date IS NULL THEN '没有训后评估' ELSE day_in_words(evaluation_date) || '才评估，超过' || limit_days || '天' END AS problem
    WHERE coalesce(evaluation_date, as_of) > c.ended_on + limit_days
    UNION ALL
    SELECT 'evaluation_satisfied', '评估满意' || evaluation_satisfied || '份，多于收回' || evaluation_returned || '份' WHERE evaluation_satisfied > evaluation_returned
    UNION ALL
    SELECT 'revisit_date', day_in_words(c.ended_on) || '结业，' || CASE WHEN revisit_date IS NULL THEN '没有回访' ELSE '不满' || limit_months || '个月就回访（' || day_in_words(revisit_date) || '）' END
    WHERE (revisit_date IS NULL AND as_of > c.ended_on + to_months(limit_months + 1)) OR revisit_date < c.ended_on + to_months(limit_months)
) AS x
