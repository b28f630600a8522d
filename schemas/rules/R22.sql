/*
id: R22
title: 到会、参加投票的人数达到规定比例
severity: error
clause: [selection#16, elections#5]
table: election_meetings
column: present
dated: on_date
message: "{village_name}{on_date}{meeting}{problem}。"
remedy: "到会、投票人数不足的会议不能推荐和选举；人数有误的请更正，无误的应当将结果填为“失败”并重新召开。"
*/
-- Each kind of meeting by its own test: Party meetings by those who should attend, villagers' elections by who registered.
-- A failed election is not judged again.
SELECT t.election_id, t.village_id, v.name AS village_name, in_place(t.meeting, v.kind) AS meeting, t.on_date, t.numerator, t.denominator,
    fraction(t.numerator, t.denominator) AS arithmetic, as_percent(t.threshold) AS needed,
    t.detail || '，' || fraction(t.numerator, t.denominator) || CASE t.comparison
        WHEN '超过' THEN '，没有超过' || as_percent(t.threshold) || '，选举无效（村民委员会组织法第十五条）'
        ELSE '，低于' || as_percent(t.threshold) END AS problem, t._file, t._line
FROM election_tests AS t LEFT JOIN villages AS v USING (village_id)
WHERE t.rule = 'R22' AND t.decided AND NOT t.met
