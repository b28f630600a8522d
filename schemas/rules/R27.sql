/*
id: R27
title: 候选人两轮推荐都达到比例
severity: warning
clause: selection#14
complete: elections
table: election_candidates
column: person_id
message: "{village_name}候选人{person_name}：{problem}。"
remedy: "请核对推荐会的票数；没有经过推荐或者得票过低的，应当说明列为候选人的理由。"
*/
-- One finding for a candidate, whichever of the two rounds is wanting.
SELECT t.election_id, t.village_id, any_value(v.name) AS village_name, t.person_id, any_value(coalesce(p.name, t.person_id)) AS person_name,
    string_agg(CASE WHEN t.numerator IS NULL THEN t.detail
        ELSE t.meeting || '得票' || fraction(t.numerator, t.denominator) || '，低于' || as_percent(t.threshold) END, '；' ORDER BY t.meeting) AS problem,
    t._file, t._line
FROM election_tests AS t LEFT JOIN villages AS v USING (village_id) LEFT JOIN people AS p ON p.person_id = t.person_id
WHERE t.rule = 'R27' AND t.decided AND NOT t.met
GROUP BY t.election_id, t.village_id, t.person_id, t._file, t._line
