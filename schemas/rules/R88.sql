/*
id: R88
title: 不计入应到会的由党员大会决定
severity: error
clause: elections#4
table: meeting_exclusions
column: decided_on
dated: on_date
message: "{village_name}{on_date}{meeting}不计入的{headcount}人{problem}。"
remedy: "不计入应到会的，先由党员大会讨论决定，再报乡镇党委批准，都不晚于会议；居住在外地等其他情形应当计入。村民、居民选举按登记的选民计算。"
*/
-- The grounds are the schema's list; the figures are R23's. Who may vote in a villagers' election is settled when voters
-- are registered.
SELECT x.election_id, e.village_id, v.name AS village_name, m.date AS on_date, in_place(x.meeting, v.kind) AS meeting, x.headcount,
    CASE WHEN x.meeting LIKE '村（居）民%' THEN in_place('，村（居）民选举不得另外不计入登记的选民', v.kind)
        WHEN x.decided_on IS NULL THEN '，没有填写党员大会决定日期'
        WHEN x.decided_on > m.date THEN '，党员大会于' || day_in_words(x.decided_on) || '决定，晚于会议'
        ELSE '，于' || day_in_words(x.approved_on) || '批准，早于党员大会决定日期' || day_in_words(x.decided_on) END AS problem,
    CASE WHEN x.meeting LIKE '村（居）民%' THEN 'headcount' WHEN x.approved_on < x.decided_on AND x.decided_on <= m.date THEN 'approved_on'
        ELSE 'decided_on' END AS _column, x._file, x._line
FROM meeting_exclusions AS x JOIN election_meetings AS m USING (election_id, meeting) JOIN elections AS e USING (election_id)
LEFT JOIN villages AS v ON v.village_id = e.village_id
WHERE param('committee_branch_members', m.date) IS NOT NULL AND x.meeting <> '群众推荐会'
  AND (x.meeting LIKE '村（居）民%' OR x.decided_on IS NULL OR x.decided_on > m.date OR x.approved_on < x.decided_on)
