/*
id: R78
title: 来源渠道在提名时写明，前后一致
severity: error
clause: term-notes-2026#3
complete: elections
table: election_candidates
column: channel
message: "{village_name}书记人选{person_name}（{election_id}）{problem}。"
remedy: "请按提名时的情况选一项；任职登记有误的，更正任职登记。"
*/
-- Asked for from the recommendation on, since the notice; what both say is compared whenever it was.
SELECT c.election_id, c.person_id, e.village_id, coalesce(v.name, e.village_id) AS village_name, coalesce(p.name, c.person_id) AS person_name,
    CASE WHEN c.channel IS NULL THEN '没有填写来源渠道' ELSE '提名时来源渠道为“' || c.channel || '”，任职登记（' || t.tenure_id || '）为“' || t.channel || '”' END AS problem,
    c._file, c._line
FROM election_candidates AS c JOIN elections AS e USING (election_id)
LEFT JOIN (SELECT election_id, min(date) AS day FROM election_meetings GROUP BY election_id) AS m USING (election_id)
LEFT JOIN tenures AS t ON t.election_id = c.election_id AND t.person_id = c.person_id AND t.post = '党组织书记'
LEFT JOIN villages AS v ON v.village_id = e.village_id LEFT JOIN people AS p ON p.person_id = c.person_id
WHERE c.post = '党组织书记'
  AND CASE WHEN c.channel IS NULL THEN param('voters_posted_days', coalesce(m.day, c.confirmed_on)) IS NOT NULL
      ELSE c.channel::VARCHAR <> t.channel::VARCHAR END
