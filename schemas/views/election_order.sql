/*
title: 选任环节次序问题
description: 提前进入的环节、没有结束就进入下一步的环节、缺少的环节、起止日期颠倒的环节，不在所属环节以内的会议，选举以后才确定的候选人。
fields:
  election_id: {title: 选任编号, sensitivity: internal}
  village_id: {title: 村（社区）, sensitivity: internal}
  stage: {title: 环节, sensitivity: internal}
  problem: {title: 问题, sensitivity: internal}
*/
-- Shared by R20 and by the page of an election, so that both say the same.
WITH ranked AS (
    SELECT election_id, stage, enum_code(stage)::INTEGER AS place, started_on, ended_on, _file, _line FROM election_stages
),
-- A stage must wait for every stage before it. What comes earlier is judged inside one election only: a repeated
-- election may repeat a stage after the vote that failed.
entered_early AS (
    SELECT later.election_id, later.stage, later._file, later._line,
        '“' || later.stage || '”' || day_in_words(later.started_on) || '开始，早于'
            || string_agg('“' || earlier.stage || '”'
                || CASE WHEN earlier.ended_on IS NULL THEN '（还没有结束）' ELSE '的结束日期' || day_in_words(earlier.ended_on) END,
                '、' ORDER BY earlier.place) AS problem
    FROM ranked AS later JOIN ranked AS earlier ON earlier.election_id = later.election_id AND earlier.place < later.place
    WHERE earlier.ended_on IS NULL OR later.started_on < earlier.ended_on
    GROUP BY later.election_id, later.stage, later.started_on, later._file, later._line
),
reversed AS (
    SELECT election_id, stage, _file, _line, '“' || stage || '”的结束日期' || day_in_words(ended_on) || '早于开始日期' || day_in_words(started_on) AS problem
    FROM ranked WHERE ended_on < started_on
),
-- A meeting belongs to its stage; only a preselection comes before the day of the vote.
meetings AS (
    SELECT *, CASE meeting WHEN '党员推荐会' THEN '党员推荐' WHEN '群众推荐会' THEN '群众推荐' ELSE '大会选举' END AS stage FROM election_meetings
),
misplaced AS (
    SELECT m.election_id, m.stage, m._file, m._line,
        m.meeting || '日期' || day_in_words(m.date) || '不在“' || m.stage || '”环节（' || day_in_words(r.started_on) || '至' || coalesce(day_in_words(r.ended_on), '今') || '）以内' AS problem
    FROM meetings AS m JOIN ranked AS r ON r.election_id = m.election_id AND r.stage::VARCHAR = m.stage
    WHERE (m.date < r.started_on AND m.meeting <> '党员大会预选') OR m.date > r.ended_on
),
-- Nobody is made a candidate after the last vote.
named_late AS (
    SELECT c.election_id, '大会选举' AS stage, c._file, c._line,
        '候选人' || coalesce(p.name, c.person_id) || '于' || day_in_words(c.confirmed_on) || '确定，晚于' || day_in_words(v.voted_on) || '的选举' AS problem
    FROM election_candidates AS c
    JOIN (SELECT election_id, max(date) AS voted_on FROM meetings WHERE stage = '大会选举' AND meeting <> '党员大会预选' GROUP BY election_id) AS v
        USING (election_id)
    LEFT JOIN people AS p ON p.person_id = c.person_id
    WHERE c.confirmed_on > v.voted_on AND c.status NOT IN ('退出', '取消资格')
),
-- A stage that an earlier, failed attempt went through need not be repeated.
passed AS (
    SELECT DISTINCT link.election_id, s.stage::VARCHAR AS stage, enum_code(s.stage)::INTEGER AS place, link.source_id = link.election_id AS own
    FROM election_chain AS link JOIN election_stages AS s ON s.election_id = link.source_id
),
reached AS (
    SELECT election_id, max(place) FILTER (own) AS place FROM passed GROUP BY election_id
),
missing AS (
    SELECT e.election_id, NULL::VARCHAR AS stage, e._file, e._line,
        '缺少“' || string_agg(plan.stage, '”“' ORDER BY plan.place) || '”环节' AS problem
    FROM elections AS e
    -- The recommendation rounds are R21's.
    JOIN election_plan AS plan ON plan.kind = e.kind AND plan.stage NOT IN ('党员推荐', '群众推荐')
    LEFT JOIN reached ON reached.election_id = e.election_id
    LEFT JOIN passed ON passed.election_id = e.election_id AND passed.stage = plan.stage
    WHERE passed.stage IS NULL
      -- While it goes on, only what has been passed over is missing; a failed one stops where it failed.
      AND (e.outcome = '成功' OR plan.place < reached.place)
    GROUP BY e.election_id, e._file, e._line
)
SELECT f.election_id, e.village_id, f.stage::VARCHAR AS stage, f.problem, f._table, f._file, f._line
FROM (
    SELECT *, 'election_stages' AS _table FROM entered_early
    UNION ALL BY NAME SELECT *, 'election_stages' AS _table FROM reversed
    UNION ALL BY NAME SELECT *, 'election_meetings' AS _table FROM misplaced
    UNION ALL BY NAME SELECT *, 'election_candidates' AS _table FROM named_late
    UNION ALL BY NAME SELECT *, 'elections' AS _table FROM missing
) AS f JOIN elections AS e USING (election_id)
