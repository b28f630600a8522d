/*
id: R25
title: 差额选举和预选得票
severity: error
clause: selection#17
table: election_meetings
column: meeting
dated: on_date
message: "{village_name}{on_date}{meeting}：{problem}。"
remedy: "请核对名额、候选人和票数；候选人不够的应当增加提名，预选没有超过半数的不能列为正式候选人。"
*/
-- The vote that follows a preselection may have as many names as seats; the view tests the ballot where it must be wider.
SELECT t.election_id, t.village_id, v.name AS village_name, in_place(t.meeting, v.kind) AS meeting, t.on_date, t.person_id,
    CASE t.item
        WHEN '差额' THEN '应选' || t.denominator || '名，候选人' || t.numerator || '名，少于' || t.denominator || '×' || shown_number(t.threshold)
            || '=' || shown_number(t.threshold * t.denominator)
        ELSE coalesce(p.name, t.person_id) || '预选得' || fraction(t.numerator, t.denominator) || '，没有超过' || as_percent(t.threshold)
    END AS problem,
    t._table, t._column, t._file, t._line
FROM election_tests AS t LEFT JOIN villages AS v USING (village_id) LEFT JOIN people AS p ON p.person_id = t.person_id
WHERE t.rule = 'R25' AND t.decided AND NOT t.met
