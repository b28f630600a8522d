/*
title: 选任核算
description: 选任每一步按规定核算的结果：分子、分母、比例、界限和是否达到。
fields:
  election_id: {title: 选任编号, sensitivity: internal}
  village_id: {title: 村（社区）, sensitivity: internal}
  stage: {title: 环节, sensitivity: internal}
  meeting: {title: 会议, sensitivity: internal}
  on_date: {title: 日期, sensitivity: internal}
  person_id: {title: 人员, sensitivity: internal}
  item: {title: 核算项目, sensitivity: internal}
  rule: {title: 规则, sensitivity: internal}
  numerator: {title: 分子, sensitivity: internal}
  denominator: {title: 分母, sensitivity: internal}
  share: {title: 比例, sensitivity: internal}
  comparison: {title: 要求, sensitivity: internal}
  threshold: {title: 界限, sensitivity: internal}
  met: {title: 是否达到, sensitivity: internal}
  decided: {title: 是否已有定论, sensitivity: internal}
  detail: {title: 说明, sensitivity: internal}
*/
-- One computation for the page and for the rules R21 to R29: what a reviewer reads is what was judged.
-- `threshold` is NULL where no policy set it on that day; `met` is then NULL and nothing is judged.
-- A failed election is shown as it went, and not judged again: that it failed is the judgement.
WITH limits AS (
    -- What was in force on each day on which there was a meeting: looked up once a day, not once a meeting.
    SELECT date, param_decimal('quorum_share', date) AS quorum_share, param_decimal('candidate_ratio', date) AS candidate_ratio,
        param_decimal('preselection_share', date) AS preselection_share, param_decimal('recommend_share', date) AS recommend_share,
        param_decimal('win_share', date) AS win_share, param('vote_base', date) AS vote_base,
        param_decimal('voter_turnout_share', date) AS turnout_share, param_decimal('villagers_win_share', date) AS villagers_win_share,
        param_decimal('other_election_part', date) AS other_election_part
    FROM (SELECT DISTINCT date FROM election_meetings WHERE date IS NOT NULL)
),
meetings AS MATERIALIZED (
    SELECT m.*, e.village_id, e.kind, e.seats, e.outcome, l.* EXCLUDE (date, vote_base),
        m.meeting IN ('村（居）民选举', '村（居）民另选') AS by_villagers,
        CASE m.meeting WHEN '党员推荐会' THEN '党员推荐' WHEN '群众推荐会' THEN '群众推荐' ELSE '大会选举' END AS stage,
        -- A vote that was taken is decided, even while the election goes on.
        e.outcome <> '失败' AND (e.outcome = '成功' OR m.issued > 0) AS decided,
        -- Villagers' elections count those who took part, another election the ballots cast, whatever the Party's rule counts.
        CASE WHEN m.meeting = '村（居）民另选' THEN '收回' WHEN m.meeting = '村（居）民选举' THEN '参加投票'
            WHEN l.vote_base = '实到会' THEN '实到' ELSE '应到' END AS base_name
    FROM election_meetings AS m JOIN elections AS e USING (election_id) LEFT JOIN limits AS l ON l.date = m.date
),
votes AS MATERIALIZED (
    SELECT v.*, m.village_id, m.stage, m.date, m.decided, m.base_name, m.valid, m.preselection_share,
        CASE m.base_name WHEN '收回' THEN m.returned WHEN '应到' THEN m.expected ELSE m.present END AS base,
        CASE m.base_name WHEN '收回' THEN '票' ELSE '人' END AS unit,
        CASE WHEN m.meeting = '村（居）民选举' THEN m.villagers_win_share WHEN m.meeting <> '村（居）民另选' THEN m.win_share END AS win_share,
        CASE WHEN m.meeting = '村（居）民另选' THEN m.other_election_part END AS part,
        -- The best of those for the same post who were not elected: nobody is elected with no more votes than they have.
        max(v.approve) FILTER (v.result = '未当选') OVER (PARTITION BY v.election_id, v.meeting, c.post) AS best_other
    FROM meeting_votes AS v JOIN meetings AS m ON m.election_id = v.election_id AND m.meeting = v.meeting
    LEFT JOIN election_candidates AS c ON c.election_id = v.election_id AND c.person_id = v.person_id
),
-- The notes of a candidate who withdrew or was struck off are history, not a judgement.
standing AS MATERIALIZED (
    SELECT c.*, e.village_id, e.kind, e.outcome
    FROM election_candidates AS c JOIN elections AS e USING (election_id)
    WHERE c.status NOT IN ('退出', '取消资格')
),
quorum AS (
    SELECT election_id, village_id, stage, meeting, date AS on_date, '到会' AS item, 'R22' AS rule,
        present AS numerator, expected AS denominator, '不低于' AS comparison, quorum_share AS threshold,
        present >= quorum_share * expected AS met, decided,
        '实到' || present || '人，应到' || expected || '人' AS detail, 'election_meetings' AS _table, 'present' AS _column, _file, _line
    FROM meetings WHERE NOT by_villagers
),
-- The first vote stands when more than half of the registered took part; another election has no such condition.
turnout AS (
    SELECT election_id, village_id, stage, meeting, date AS on_date, '参加投票' AS item,
        CASE WHEN meeting = '村（居）民选举' THEN 'R22' END AS rule,
        present AS numerator, expected AS denominator, '超过' AS comparison, turnout_share AS threshold,
        present > turnout_share * expected AS met, decided,
        '参加投票' || present || '人，登记选民' || expected || '人' AS detail, 'election_meetings' AS _table, 'present' AS _column, _file, _line
    FROM meetings WHERE by_villagers
),
expected_count AS (
    SELECT election_id, village_id, stage, meeting, date AS on_date, '应到人数' AS item, 'R23' AS rule,
        expected AS numerator, eligible - excluded AS denominator, '等于' AS comparison,
        expected = eligible - excluded AS met, true AS decided,
        '有选举权' || eligible || '人，不计入' || excluded || '人' AS detail
    FROM meetings
),
tally AS (
    SELECT election_id, village_id, stage, meeting, date AS on_date, '票数' AS item, 'R24' AS rule,
        valid AS numerator, issued AS denominator, '不多于' AS comparison,
        -- More ballots returned than issued is what makes an election fail: recorded so, it is no fault of the record.
        valid <= returned AND (returned <= issued OR outcome = '失败') AND issued <= present AS met, true AS decided,
        '实到' || present || '、发出' || issued || '、收回' || returned || '、有效' || valid AS detail
    FROM meetings
),
-- With a preselection, that is where there must be more names than seats; the vote itself may then have as many as seats.
ballot AS (
    SELECT m.election_id, m.village_id, m.stage, m.meeting, m.date AS on_date, '差额' AS item, 'R25' AS rule,
        count(*) FILTER (v.candidate) AS numerator, m.seats AS denominator, '不少于' AS comparison, m.candidate_ratio AS threshold,
        count(*) FILTER (v.candidate) >= m.candidate_ratio * m.seats AS met, m.decided,
        '候选人' || count(*) FILTER (v.candidate) || '名，应选' || m.seats || '名' AS detail,
        'election_meetings' AS _table, NULL AS _column, m._file, m._line
    FROM meetings AS m LEFT JOIN meeting_votes AS v ON v.election_id = m.election_id AND v.meeting = m.meeting
    WHERE m.meeting = '党员大会预选'
       OR (m.meeting = '党员大会选举'
           AND m.election_id NOT IN (SELECT election_id FROM election_meetings WHERE meeting = '党员大会预选'))
    GROUP BY m.election_id, m.village_id, m.stage, m.meeting, m.date, m.seats, m.candidate_ratio, m.decided, m._file, m._line
),
preselected AS (
    SELECT election_id, village_id, stage, meeting, date AS on_date, person_id, '预选得票' AS item, 'R25' AS rule,
        approve AS numerator, base AS denominator, '超过' AS comparison, preselection_share AS threshold,
        approve > preselection_share * base AS met, decided,
        '赞成' || approve || '票，' || base_name || base || '人' AS detail,
        'meeting_votes' AS _table, 'approve' AS _column, _file, _line
    FROM votes WHERE meeting = '党员大会预选' AND result IN ('入围', '当选')
),
-- Every name on the ballot, so that a reader sees why an election failed; only who was declared elected is judged.
won AS (
    SELECT election_id, village_id, stage, meeting, date AS on_date, person_id, '选举得票' AS item,
        CASE WHEN result = '当选' THEN 'R26' END AS rule,
        approve AS numerator, base AS denominator, CASE WHEN part IS NULL THEN '超过' ELSE '不少于' END AS comparison,
        coalesce(win_share, 1 / part) AS threshold,
        CASE WHEN part IS NULL THEN approve > win_share * base ELSE approve * part >= base END
            AND (result <> '当选' OR approve > coalesce(best_other, -1)) AS met, decided,
        '赞成' || approve || '票，' || base_name || base || unit || '；' || result
            || CASE WHEN result = '当选' AND approve <= best_other THEN '，未当选的最多得' || best_other || '票' ELSE '' END AS detail,
        'meeting_votes' AS _table, 'approve' AS _column, _file, _line
    FROM votes
    WHERE (candidate OR result = '当选')
      AND meeting IN ('党员大会选举', '党员大会另选', '委员会会议选举', '村（居）民选举', '村（居）民另选')
),
rounds AS (
    SELECT c.election_id, c.village_id, plan.stage, plan.meeting, r.date AS on_date, c.person_id, '推荐得票' AS item, 'R27' AS rule,
        r.approve AS numerator, r.valid AS denominator, '不低于' AS comparison, r.recommend_share AS threshold,
        CASE WHEN r.election_id IS NULL THEN false ELSE r.approve >= r.recommend_share * r.valid END AS met,
        coalesce(c.confirmed_on <= (SELECT as_of FROM build), false) AND c.outcome <> '失败' AS decided,
        CASE WHEN r.election_id IS NULL THEN plan.meeting || '上没有推荐'
             ELSE '得' || r.approve || '票，有效' || r.valid || '票' END AS detail,
        'election_candidates' AS _table, 'person_id' AS _column, c._file, c._line
    FROM standing AS c
    JOIN election_plan AS plan ON plan.kind = c.kind AND plan.stage IN ('党员推荐', '群众推荐')
    -- The last recommendation counts when an earlier attempt held one too.
    LEFT JOIN (
        SELECT link.election_id, v.meeting, v.person_id, max_by(v.date, v.date) AS date, max_by(v.approve, v.date) AS approve,
            max_by(m.valid, v.date) AS valid, max_by(m.recommend_share, v.date) AS recommend_share
        FROM election_chain AS link JOIN votes AS v ON v.election_id = link.source_id
        JOIN meetings AS m ON m.election_id = v.election_id AND m.meeting = v.meeting
        GROUP BY link.election_id, v.meeting, v.person_id
    ) AS r ON r.election_id = c.election_id AND r.meeting = plan.meeting AND r.person_id = c.person_id
),
reviewed AS MATERIALIZED (
    SELECT c.election_id, c.person_id, c.confirmed_on, param_number('joint_review_days', c.confirmed_on)::INTEGER AS days,
        -- The list of departments is that of the day on which the reviews were given.
        coalesce(min(r.date), c.confirmed_on) AS listed_on
    FROM standing AS c
    LEFT JOIN election_chain AS link ON link.election_id = c.election_id
    LEFT JOIN joint_reviews AS r ON r.election_id = link.source_id AND r.person_id = c.person_id
    WHERE c.confirmed_on IS NOT NULL
    GROUP BY c.election_id, c.person_id, c.confirmed_on
),
departments AS (
    SELECT c.listed_on, d.org_id, d.ordinal, o.short_name
    FROM (SELECT DISTINCT listed_on FROM reviewed) AS c
    JOIN policy_departments AS d ON d.role = '资格联审' AND d.effective_from <= c.listed_on
        AND (d.effective_to IS NULL OR d.effective_to >= c.listed_on)
    LEFT JOIN organisations AS o ON o.org_id = d.org_id
),
passed AS (
    -- What a department said last before he became a candidate: a refusal outweighs the approval before it.
    SELECT election_id, person_id, count(*) AS passed
    FROM (
        SELECT c.election_id, c.person_id, d.org_id, max(r.date) >= any_value(c.confirmed_on - c.days)
            AND max_by(r.result = '通过', (r.date, r.result <> '通过')) AS passed
        FROM reviewed AS c JOIN election_chain AS link ON link.election_id = c.election_id
        JOIN joint_reviews AS r ON r.election_id = link.source_id AND r.person_id = c.person_id AND r.date <= c.confirmed_on
        JOIN departments AS d ON d.listed_on = c.listed_on AND d.org_id = r.org_id
        GROUP BY c.election_id, c.person_id, d.org_id
    ) WHERE passed
    GROUP BY election_id, person_id
),
counted AS MATERIALIZED (
    SELECT c.*, coalesce(p.passed, 0) AS passed, n.required
    FROM reviewed AS c JOIN (SELECT listed_on, count(*) AS required FROM departments GROUP BY listed_on) AS n USING (listed_on)
    LEFT JOIN passed AS p USING (election_id, person_id)
),
-- Who lacks what is spelt out only for those who lack something.
lacking AS (
    SELECT election_id, person_id,
        string_agg(short_name || CASE
            WHEN last_on IS NULL THEN '没有意见'
            WHEN last_result <> '通过' THEN last_result
            WHEN last_on > confirmed_on THEN day_in_words(last_on) || '才通过'
            ELSE day_in_words(last_on) || '的意见已过期' END, '，' ORDER BY ordinal) AS lacking
    FROM (
        SELECT c.election_id, c.person_id, c.confirmed_on, d.ordinal, d.short_name, max(r.date) AS last_on, max_by(r.result, r.date) AS last_result,
            max(r.date) FILTER (r.date <= c.confirmed_on) >= any_value(c.confirmed_on - c.days)
                AND max_by(r.result = '通过', (r.date, r.result <> '通过')) FILTER (r.date <= c.confirmed_on) AS passed
        FROM counted AS c JOIN departments AS d USING (listed_on)
        LEFT JOIN election_chain AS link ON link.election_id = c.election_id
        LEFT JOIN joint_reviews AS r ON r.election_id = link.source_id AND r.person_id = c.person_id AND r.org_id = d.org_id
        WHERE c.passed < c.required
        GROUP BY c.election_id, c.person_id, c.confirmed_on, d.ordinal, d.short_name
    ) WHERE passed IS NOT TRUE
    GROUP BY election_id, person_id
),
reviews AS (
    SELECT c.election_id, c.village_id, '资格联审' AS stage, NULL AS meeting, c.confirmed_on AS on_date, c.person_id,
        '联审通过' AS item, 'R28' AS rule, d.passed AS numerator, d.required AS denominator, '全部' AS comparison,
        d.passed = d.required AS met, c.outcome <> '失败' AS decided,
        coalesce(l.lacking, '确定为候选人之前' || d.days || '天以内全部通过') AS detail,
        'election_candidates' AS _table, 'confirmed_on' AS _column, c._file, c._line
    FROM standing AS c JOIN counted AS d USING (election_id, person_id) LEFT JOIN lacking AS l USING (election_id, person_id)
),
posted AS (
    SELECT n.election_id, n.village_id, '候选人公示' AS stage, n.started_on AS on_date, n.person_id, '公示工作日' AS item, 'R29' AS rule,
        -- Both the first and the last day count.
        working_days_between(n.started_on - 1, n.ended_on) AS numerator, '不少于' AS comparison,
        param_decimal('notice_working_days', n.started_on) AS threshold, true AS decided,
        day_in_words(n.started_on) || '至' || day_in_words(n.ended_on) AS detail, 'notices' AS _table, 'ended_on' AS _column, n._file, n._line
    FROM notices AS n WHERE n.kind IN ('候选人公示', '任前公示')
)
SELECT t.election_id, t.village_id, t.stage, t.meeting, t.on_date, t.person_id, t.item, t.rule,
    t.numerator::BIGINT AS numerator, t.denominator::BIGINT AS denominator,
    CASE WHEN t.denominator > 0 AND t.item NOT IN ('应到人数', '票数', '差额') THEN t.numerator::DOUBLE / t.denominator END AS share,
    t.comparison, t.threshold::DOUBLE AS threshold, t.met, t.decided, t.detail, t._table, t._column, t._file, t._line
FROM (
    SELECT * FROM quorum
    UNION ALL BY NAME SELECT * FROM turnout
    UNION ALL BY NAME SELECT * FROM expected_count
    UNION ALL BY NAME SELECT * FROM tally
    UNION ALL BY NAME SELECT * FROM ballot
    UNION ALL BY NAME SELECT * FROM preselected
    UNION ALL BY NAME SELECT * FROM won
    UNION ALL BY NAME SELECT * FROM rounds
    UNION ALL BY NAME SELECT * FROM reviews
    UNION ALL BY NAME SELECT *, numerator >= threshold AS met FROM posted
) AS t
