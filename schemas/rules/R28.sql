/*
id: R28
title: 资格联审全部通过
severity: error
clause: selection#18
complete: policy_departments
table: election_candidates
column: confirmed_on
message: "{village_name}候选人{person_name}：{problem}。"
remedy: "请补齐有效期内的联审意见；没有全部通过的，不得确定为候选人。"
*/
-- Reasons for a refusal are restricted: only the department and its verdict are named.
SELECT t.election_id, t.village_id, v.name AS village_name, t.person_id, coalesce(p.name, t.person_id) AS person_name,
    t.numerator, t.denominator, t.detail AS lacking,
    t.denominator || '个联审部门中' || t.numerator || '个在确定为候选人之前通过，' || t.detail AS problem, t._file, t._line
FROM election_tests AS t LEFT JOIN villages AS v USING (village_id) LEFT JOIN people AS p ON p.person_id = t.person_id
WHERE t.rule = 'R28' AND t.decided AND NOT t.met
UNION ALL BY NAME
-- Without the day on which he became a candidate nothing could be judged, and everything would pass.
SELECT c.election_id, e.village_id, v.name AS village_name, c.person_id, coalesce(p.name, c.person_id) AS person_name,
    '没有填写确定为候选人的日期，无法核对资格联审' AS problem, c._file, c._line
FROM election_candidates AS c JOIN elections AS e USING (election_id)
LEFT JOIN villages AS v ON v.village_id = e.village_id LEFT JOIN people AS p ON p.person_id = c.person_id
WHERE c.confirmed_on IS NULL AND c.status IN ('当选', '落选') AND e.outcome = '成功'
  AND e.kind IN ('党组织换届', '党组织补选', '组织任命') AND c.post = '党组织书记'
