/*
id: R29
title: 公示期满有结果，批复在任职之前
severity: error
clause: [selection#20, selection#23]
complete: notices
table: notices
column: ended_on
dated: started_on
message: "{village_name}{person_name}：{problem}。"
remedy: "公示期应当满规定的工作日，期满写明结果和办结日期；批复应当在任职之前。请核对日期，程序没有走完的不得任职。"
*/
-- A notice whose days the calendar cannot count (a year not announced yet) is not judged: the view leaves it open.
WITH short AS (
    SELECT t.election_id, t.village_id, t.person_id,
        '公示' || t.detail || '只有' || t.numerator || '个工作日，应当不少于' || shown_number(t.threshold) || '个' AS problem,
        t._table, t._column, t._file, t._line
    FROM election_tests AS t WHERE t.rule = 'R29' AND NOT t.met
),
-- Who won, and from when he served; the notice may stand in an attempt that failed later.
winners AS (
    SELECT c.election_id, e.village_id, c.person_id, min(t.started_on) AS started_on, c._file, c._line
    FROM election_candidates AS c JOIN elections AS e USING (election_id)
    LEFT JOIN tenures AS t ON t.election_id = c.election_id AND t.person_id = c.person_id AND t.post = c.post
    WHERE e.outcome = '成功' AND c.status = '当选' AND c.post = '党组织书记'
    GROUP BY c.election_id, e.village_id, c.person_id, c._file, c._line
),
posted AS (
    SELECT DISTINCT w.election_id, w.person_id, w.started_on, n.notice_id
    FROM winners AS w JOIN election_chain AS link USING (election_id)
    JOIN notices AS n ON n.election_id = link.source_id AND n.person_id = w.person_id AND n.kind IN ('候选人公示', '任前公示')
    UNION
    -- The notice of somebody else answers for nobody.
    SELECT t.election_id, t.person_id, t.started_on, t.notice_id FROM tenures AS t JOIN notices AS n USING (notice_id) WHERE n.person_id = t.person_id
),
without AS (
    SELECT w.election_id, w.village_id, w.person_id, '当选为书记，没有候选人公示或者任前公示' AS problem,
        'election_candidates' AS _table, 'status' AS _column, w._file, w._line
    FROM winners AS w
    WHERE param('notice_working_days', coalesce(w.started_on, (SELECT as_of FROM build))) IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM posted WHERE posted.election_id = w.election_id AND posted.person_id = w.person_id)
      AND NOT EXISTS (SELECT 1 FROM posted WHERE posted.person_id = w.person_id AND posted.started_on = w.started_on)
),
-- Whoever took office without having won on record: appointed, sent, or by an election that lists no candidates.
unposted AS (
    SELECT t.election_id, t.village_id, t.person_id, t.started_on, day_in_words(t.started_on) || '任职，没有候选人公示或者任前公示' AS problem,
        'tenures' AS _table, 'notice_id' AS _column, t._file, t._line
    FROM tenures AS t, build
    WHERE t.post = '党组织书记' AND t.started_on <= as_of AND param('notice_working_days', t.started_on) IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM posted WHERE posted.person_id = t.person_id AND posted.started_on = t.started_on)
      AND NOT EXISTS (SELECT 1 FROM winners AS w WHERE w.election_id = t.election_id AND w.person_id = t.person_id)
),
open AS (
    SELECT DISTINCT posted.election_id, n.village_id, n.person_id,
        '公示' || n.notice_id || CASE
            WHEN n.result IS NULL OR n.closed_on IS NULL THEN '没有' || concat_ws('和', CASE WHEN n.result IS NULL THEN '结果' END,
                CASE WHEN n.closed_on IS NULL THEN '办结日期' END) || '，已经任职或者当选'
            WHEN n.result = '经核查取消资格' THEN '的结果是取消资格，仍然任职或者当选'
            WHEN n.closed_on < n.ended_on THEN '于' || day_in_words(n.closed_on) || '办结，早于公示截止日期' || day_in_words(n.ended_on)
            ELSE '于' || day_in_words(n.closed_on) || '办结，晚于任职日期' || day_in_words(posted.started_on) END AS problem,
        'notices' AS _table, CASE WHEN n.result IS NULL OR n.result = '经核查取消资格' THEN 'result' ELSE 'closed_on' END AS _column, n._file, n._line
    FROM posted JOIN notices AS n USING (notice_id)
    WHERE n.kind IN ('候选人公示', '任前公示')
      AND (n.result IS NULL OR n.closed_on IS NULL OR n.result = '经核查取消资格' OR n.closed_on < n.ended_on
           OR n.closed_on > posted.started_on)
),
-- Villagers' elections need no approval by the Party committee.
approved_late AS (
    SELECT e.election_id, e.village_id, min_by(t.person_id, t.started_on) AS person_id,
        day_in_words(min(t.started_on)) || '任职，' || CASE
            WHEN e.approval_decision = '不同意' THEN '党委意见是不同意'
            WHEN e.approval_date IS NULL THEN '没有批复日期'
            WHEN e.approval_date < m.voted_on THEN '批复日期' || day_in_words(e.approval_date) || '早于选举日期' || day_in_words(m.voted_on)
            ELSE '批复日期是' || day_in_words(e.approval_date) END AS problem,
        'elections' AS _table, CASE WHEN e.approval_decision = '不同意' THEN 'approval_decision' ELSE 'approval_date' END AS _column,
        e._file, e._line
    FROM elections AS e JOIN tenures AS t USING (election_id)
    -- What approves a result cannot be older than the vote.
    LEFT JOIN (
        SELECT election_id, max(date) AS voted_on FROM election_meetings
        WHERE meeting IN ('党员大会选举', '党员大会另选', '委员会会议选举') GROUP BY election_id
    ) AS m ON m.election_id = e.election_id
    WHERE e.kind IN ('党组织换届', '党组织补选', '组织任命')
      AND (e.approval_date IS NULL OR e.approval_date > t.started_on OR e.approval_date < m.voted_on OR e.approval_decision = '不同意')
    GROUP BY e.election_id, e.village_id, e.approval_decision, e.approval_date, m.voted_on, e._file, e._line
)
SELECT f.*, v.name AS village_name, coalesce(p.name, f.person_id) AS person_name
FROM (SELECT * FROM short UNION ALL BY NAME SELECT * FROM without UNION ALL BY NAME SELECT * FROM unposted
      UNION ALL BY NAME SELECT * FROM open
      UNION ALL BY NAME SELECT * FROM approved_late) AS f
LEFT JOIN villages AS v ON v.village_id = f.village_id LEFT JOIN people AS p ON p.person_id = f.person_id
