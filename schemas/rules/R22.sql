/*
id: R22
title: 到会人数达到规定比例
severity: error
clause: selection#16
table: election_meetings
column: present
message: "{village_name}{on_date}{meeting}实到{numerator}人，应到{denominator}人，{arithmetic}，低于{needed}。"
remedy: "到会不足的会议不能推荐和选举；人数有误的请更正，无误的应当将结果填为“失败”并重新召开。"
*/
-- Villagers' votes have a quorum of their own and are not judged here; a failed election is not judged again.
SELECT t.election_id, t.village_id, v.name AS village_name, t.meeting, t.on_date, t.numerator, t.denominator,
    fraction(t.numerator, t.denominator) AS arithmetic, as_percent(t.threshold) AS needed, t._file, t._line
FROM election_tests AS t LEFT JOIN villages AS v USING (village_id)
WHERE t.rule = 'R22' AND t.decided AND NOT t.met
