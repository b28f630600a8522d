/*
title: 选任情况
description: 每次选任一行：进行到哪一步、结果、当选书记和得票、到会、核算和次序问题、失败后是否重选。
fields:
  election_id: {title: 选任编号, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  township_name: {title: 乡镇（街道）, sensitivity: internal}
  term: {title: 届次, sensitivity: internal}
  kind: {title: 选任种类, sensitivity: internal}
  attempt: {title: 第几次, sensitivity: internal}
  previous: {title: 前一次, sensitivity: internal}
  repeated_by: {title: 后一次, sensitivity: internal}
  outcome: {title: 结果, sensitivity: internal}
  failure_reason: {title: 失败原因, sensitivity: internal}
  started_on: {title: 启动日期, sensitivity: internal}
  voted_on: {title: 选举日期, sensitivity: internal}
  latest_stage: {title: 最近环节, sensitivity: internal}
  latest_on: {title: 最近环节日期, sensitivity: internal}
  candidates: {title: 候选人数, sensitivity: internal}
  winner_id: {title: 当选书记（主任）编号, sensitivity: internal}
  winner_name: {title: 当选书记（主任）, sensitivity: internal}
  winner_votes: {title: 得票, sensitivity: internal}
  attendance: {title: 到会, sensitivity: internal}
  tests: {title: 核算项数, sensitivity: internal}
  tests_failed: {title: 没有达到的项数, sensitivity: internal}
  stage_problems: {title: 环节问题数, sensitivity: internal}
  approval_date: {title: 批复日期, sensitivity: internal}
  tenure_id: {title: 任职编号, sensitivity: internal}
  tenure_started_on: {title: 任职日期, sensitivity: internal}
  repeat_due_on: {title: 重选期限, sensitivity: internal}
  repeat_overdue: {title: 重选逾期, sensitivity: internal}
*/
WITH staged AS (
    SELECT election_id, min(started_on) AS started_on, arg_max(stage, (started_on, enum_code(stage)))::VARCHAR AS latest_stage, max(started_on) AS latest_on
    FROM election_stages GROUP BY election_id
),
-- The vote that made the head of the list: the last one held, which may be on the same day as the one before.
winners AS (
    SELECT c.election_id, min_by(c.person_id, c.ordinal) AS winner_id
    FROM election_candidates AS c WHERE c.status = '当选' AND c.post IN ('党组织书记', '村（居）委会主任') GROUP BY c.election_id
),
votes AS (
    SELECT t.election_id, t.person_id, arg_max(fraction(t.numerator, t.denominator), (t.on_date, m.ordinal)) AS winner_votes
    FROM election_tests AS t JOIN election_meetings AS m USING (election_id, meeting) WHERE t.item = '选举得票' GROUP BY t.election_id, t.person_id
),
meetings AS (
    SELECT election_id, max(date) AS voted_on, arg_max(fraction(present, expected), (date, ordinal)) AS attendance
    FROM election_meetings WHERE meeting IN ('党员大会选举', '党员大会另选', '村（居）民选举', '村（居）民另选') GROUP BY election_id
),
tested AS (
    SELECT election_id, count(rule) AS tests, count(rule) FILTER (NOT met) AS tests_failed FROM election_tests WHERE election_id IS NOT NULL GROUP BY election_id
),
ordered AS (SELECT election_id, count(*) AS stage_problems FROM election_order GROUP BY election_id),
named AS (SELECT election_id, count(*) AS candidates FROM election_candidates GROUP BY election_id),
repeated AS (SELECT previous AS election_id, min(election_id) AS repeated_by FROM elections WHERE previous IS NOT NULL GROUP BY previous)
SELECT e.election_id, e.village_id, v.name AS village_name, v.township_id, o.short_name AS township_name, e.term, e.kind, e.attempt, e.previous,
    -- On an earlier day, what was decided later had not been decided yet.
    r.repeated_by, CASE WHEN coalesce(m.voted_on, e.approval_date, s.latest_on) > as_of THEN '进行中' ELSE e.outcome END AS outcome,
    e.failure_reason, s.started_on, m.voted_on, s.latest_stage, s.latest_on, coalesce(n.candidates, 0) AS candidates,
    w.winner_id, p.name AS winner_name, x.winner_votes, m.attendance, coalesce(t.tests, 0) AS tests, coalesce(t.tests_failed, 0) AS tests_failed,
    coalesce(d.stage_problems, 0) AS stage_problems, e.approval_date, k.tenure_id, k.started_on AS tenure_started_on,
    CASE WHEN e.outcome = '失败' THEN coalesce(m.voted_on, s.latest_on)
        + param_number('repeat_election_days', coalesce(m.voted_on, s.latest_on))::INTEGER END AS repeat_due_on,
    e.outcome = '失败' AND r.repeated_by IS NULL
        AND as_of > coalesce(m.voted_on, s.latest_on) + param_number('repeat_election_days', coalesce(m.voted_on, s.latest_on))::INTEGER AS repeat_overdue
FROM build CROSS JOIN elections AS e
LEFT JOIN villages AS v ON v.village_id = e.village_id LEFT JOIN organisations AS o ON o.org_id = v.township_id
LEFT JOIN staged AS s ON s.election_id = e.election_id LEFT JOIN winners AS w ON w.election_id = e.election_id
LEFT JOIN people AS p ON p.person_id = w.winner_id
LEFT JOIN votes AS x ON x.election_id = e.election_id AND x.person_id = w.winner_id
LEFT JOIN meetings AS m ON m.election_id = e.election_id LEFT JOIN tested AS t ON t.election_id = e.election_id
LEFT JOIN ordered AS d ON d.election_id = e.election_id LEFT JOIN named AS n ON n.election_id = e.election_id
LEFT JOIN repeated AS r ON r.election_id = e.election_id
LEFT JOIN (SELECT election_id, person_id, min_by(tenure_id, started_on) AS tenure_id, min(started_on) AS started_on
           FROM tenures WHERE post IN ('党组织书记', '村（居）委会主任') GROUP BY election_id, person_id) AS k
    ON k.election_id = e.election_id AND k.person_id = w.winner_id
WHERE s.started_on IS NULL OR s.started_on <= as_of
