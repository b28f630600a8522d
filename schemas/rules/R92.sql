/*
id: R92
title: 联审按期答复
severity: warning
clause: term-2026#4
complete: joint_reviews
table: election_stages
column: started_on
message: "{village_name}（{election_id}）{sent_on}送{org_name}联审{persons}人，应在{due_on}以前答复，还没有答复。"
remedy: "请催办；已经答复的，补填联审意见。"
*/
-- A late answer that has come is history; one that has not come holds the candidates up.
SELECT r.election_id, r.village_id, r.village_name, r.sent_on, r.due_on, coalesce(r.org_name, r.org_id) AS org_name, count(*) AS persons, s._file, s._line
FROM review_replies AS r JOIN election_stages AS s ON s.election_id = r.election_id AND s.stage = '资格联审'
WHERE r.state = '逾期未答复' AND r.needed
GROUP BY ALL
