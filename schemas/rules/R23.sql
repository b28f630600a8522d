/*
id: R23
title: 应到会人数计算正确
severity: error
clause: selection#15
table: election_meetings
column: expected
dated: on_date
message: "{village_name}{on_date}{meeting}：{problem}。"
remedy: "应到会人数等于有选举权人数减去不计入人数；不计入的逐项写明人数、理由、批准机构和会议之前的批准日期。"
*/
-- Each of the three figures has its own row of proof: the sum, the groups behind it, and the approval of each group.
WITH groups AS (
    SELECT election_id, meeting, sum(headcount) AS headcount FROM meeting_exclusions GROUP BY ALL
),
wrong AS (
    SELECT election_id, meeting, date AS on_date, 'election_meetings' AS _table, 'expected' AS _column, _file, _line,
        '应到' || expected || '人，有选举权' || eligible || '人减去不计入' || excluded || '人是' || (eligible - excluded) || '人' AS problem
    FROM election_meetings WHERE expected <> eligible - excluded
    UNION ALL
    SELECT m.election_id, m.meeting, m.date, 'election_meetings', 'excluded', m._file, m._line,
        '不计入' || m.excluded || '人，逐项写明的是' || coalesce(g.headcount, 0)::BIGINT || '人'
    FROM election_meetings AS m LEFT JOIN groups AS g USING (election_id, meeting)
    WHERE m.excluded <> coalesce(g.headcount, 0)
    UNION ALL
    SELECT x.election_id, x.meeting, m.date, 'meeting_exclusions',
        CASE WHEN x.reason IS NULL THEN 'reason' WHEN x.approved_by IS NULL THEN 'approved_by' ELSE 'approved_on' END, x._file, x._line,
        '不计入的' || x.headcount || '人' || CASE
            WHEN x.approved_on > m.date THEN '于' || day_in_words(x.approved_on) || '批准，晚于会议'
            ELSE '缺少' || concat_ws('、', CASE WHEN x.reason IS NULL THEN '理由' END,
                CASE WHEN x.approved_by IS NULL THEN '批准机构' END, CASE WHEN x.approved_on IS NULL THEN '批准日期' END) END
    FROM meeting_exclusions AS x JOIN election_meetings AS m USING (election_id, meeting)
    WHERE x.reason IS NULL OR x.approved_by IS NULL OR x.approved_on IS NULL OR x.approved_on > m.date
)
SELECT wrong.* REPLACE (in_place(wrong.meeting, v.kind) AS meeting), e.village_id, v.name AS village_name
FROM wrong JOIN elections AS e USING (election_id) LEFT JOIN villages AS v ON v.village_id = e.village_id
