/*
id: R49
title: 目标两类七方面，权重合计一百
severity: error
clause: [assessment#4, assessment#2, assessment#3]
complete: targets
table: targets
column: weight
message: "{village_name}{year}年岗位目标{problem}。"
remedy: "每个村（社区）每年应当有基本目标和个性目标，覆盖七个方面，权重合计一百分；请补齐或者调整权重。"
*/
-- Only a set that was entered is judged; a village without any set for the year is on the list of what is to be done.
SELECT t.village_id, coalesce(t.village_name, t.village_id) AS village_name, t.year,
    concat_ws('，',
        CASE WHEN t.basic_targets = 0 THEN '没有基本目标' END, CASE WHEN t.own_targets = 0 THEN '没有个性目标' END,
        '缺少' || t.missing_dimensions || '方面',
        CASE WHEN t.weight_total <> t.weight_required
            THEN '权重合计' || shown_number(t.weight_total) || '分，应当是' || shown_number(t.weight_required) || '分' END) AS problem,
    CASE WHEN t.basic_targets = 0 OR t.own_targets = 0 THEN 'target_class' WHEN t.missing_dimensions IS NOT NULL THEN 'dimension'
        ELSE 'weight' END AS _column,
    t._file, t._line
FROM target_years AS t WHERE NOT t.sound
UNION ALL BY NAME
SELECT g.village_id, coalesce(v.name, g.village_id) AS village_name, g.year,
    '“' || g.metric || '”得' || shown_number(g.score) || '分，超过权重' || shown_number(g.weight) || '分' AS problem, 'score' AS _column, g._file, g._line
FROM targets AS g LEFT JOIN villages AS v USING (village_id) WHERE g.score > g.weight
