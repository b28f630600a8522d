/*
id: R26
title: 当选得票超过规定比例
severity: error
clause: selection#22
table: meeting_votes
column: approve
message: "{village_name}{on_date}{meeting}：{person_name}得赞成票{numerator}票，{arithmetic}（{base}），没有超过{needed}。"
remedy: "票数有误的请更正；无误的不能当选，结果应当改为“未当选”，并在规定期限内重新选举。"
*/
-- What counts as the whole, those who should attend or those who did, is set by the policy of the day.
SELECT t.election_id, t.village_id, v.name AS village_name, t.meeting, t.on_date, t.person_id,
    coalesce(p.name, t.person_id) AS person_name, t.numerator, fraction(t.numerator, t.denominator) AS arithmetic,
    regexp_extract(t.detail, '，([^；]*)', 1) AS base, as_percent(t.threshold) AS needed, t._file, t._line
FROM election_tests AS t LEFT JOIN villages AS v USING (village_id) LEFT JOIN people AS p ON p.person_id = t.person_id
WHERE t.rule = 'R26' AND t.decided AND NOT t.met
