/*
id: R48
title: “三个结合”和结业交流有记录
severity: warning
clause: [training#8, training#9]
table: training_classes
column: combinations_lecture_interaction
message: "{title}（{class_id}）已经结业，没有登记{missing}。"
remedy: "请补填三个结合的做法，登记书记代表的交流题目和回村打算。"
*/
-- Asked for once the class is over.
SELECT c.class_id, c.title,
    concat_ws('、', CASE WHEN c.combinations_lecture_interaction IS NULL THEN '“专家授课与学员互动”' END,
        CASE WHEN c.combinations_class_visit IS NULL THEN '“课堂教学与参观考察”' END,
        CASE WHEN c.combinations_exchange_use IS NULL THEN '“学习交流与成果运用”' END,
        CASE WHEN t.class_id IS NULL THEN '结业交流' END) AS missing,
    CASE WHEN c.combinations_lecture_interaction IS NULL THEN 'combinations_lecture_interaction'
        WHEN c.combinations_class_visit IS NULL THEN 'combinations_class_visit'
        WHEN c.combinations_exchange_use IS NULL THEN 'combinations_exchange_use' ELSE 'class_id' END AS _column,
    c._file, c._line
FROM build CROSS JOIN training_classes AS c LEFT JOIN (SELECT DISTINCT class_id FROM closing_talks) AS t ON t.class_id = c.class_id
WHERE c.ended_on < as_of AND c.level <= '市级'::training_classes_level
  AND (c.combinations_lecture_interaction IS NULL OR c.combinations_class_visit IS NULL OR c.combinations_exchange_use IS NULL
       OR t.class_id IS NULL)
