/*
id: R28
title: 资格联审全部通过
severity: error
clause: selection#18
table: election_candidates
column: confirmed_on
message: "{village_name}候选人{person_name}：{denominator}个联审部门中{numerator}个在确定为候选人之前通过，{lacking}。"
remedy: "请补齐有效期内的联审意见；没有全部通过的，不得确定为候选人。"
*/
-- Reasons for a refusal are restricted: only the department and its verdict are named.
SELECT t.election_id, t.village_id, v.name AS village_name, t.person_id, coalesce(p.name, t.person_id) AS person_name,
    t.numerator, t.denominator, t.detail AS lacking, t._file, t._line
FROM election_tests AS t LEFT JOIN villages AS v USING (village_id) LEFT JOIN people AS p ON p.person_id = t.person_id
WHERE t.rule = 'R28' AND t.decided AND NOT t.met
