/*
id: R21
title: 两轮推荐齐全
severity: error
clause: selection#14
table: elections
column: election_id
dated: approval_date
message: "{village_name}{kind}（{election_id}）没有{missing}的记录。"
remedy: "书记人选应当经过党员推荐和群众推荐；请补录推荐会的人数和票数，确实没有召开的应当重新推荐。"
*/
-- A repeated election may stand on the recommendations of the attempt that failed. While an election goes on, the rounds
-- are missing only when it has already gone past them.
WITH reached AS (
    SELECT election_id, max(enum_code(stage)::INTEGER) AS place FROM election_stages GROUP BY election_id
)
SELECT e.election_id, e.village_id, any_value(v.name) AS village_name, in_place(e.kind, any_value(v.kind)) AS kind,
    string_agg(plan.meeting, '、' ORDER BY plan.place) AS missing, e.approval_date, e._file, e._line
FROM elections AS e
JOIN election_plan AS plan ON plan.kind = e.kind AND plan.stage IN ('党员推荐', '群众推荐')
LEFT JOIN reached ON reached.election_id = e.election_id
LEFT JOIN villages AS v ON v.village_id = e.village_id
WHERE (e.outcome = '成功' OR reached.place > (SELECT max(place) FROM election_plan WHERE stage = '群众推荐'))
  AND NOT EXISTS (
    SELECT 1 FROM election_chain AS link JOIN election_meetings AS m ON m.election_id = link.source_id
    WHERE link.election_id = e.election_id AND m.meeting = plan.meeting)
GROUP BY e.election_id, e.village_id, e.kind, e.approval_date, e._file, e._line
