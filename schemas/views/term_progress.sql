/*
title: 换届进度
description: 最近一次换届每个村（社区）每个环节的期限、完成日期、状态和延误天数。
fields:
  term: {title: 届次, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  stage: {title: 环节, sensitivity: internal}
  place: {title: 环节次序, sensitivity: internal}
  election_id: {title: 选任编号, sensitivity: internal}
  due_on: {title: 期限, sensitivity: internal}
  started_on: {title: 开始日期, sensitivity: internal}
  done_on: {title: 完成日期, sensitivity: internal}
  state: {title: 环节状态, sensitivity: internal}
  days_late: {title: 延误天数, description: 完成的到完成之日，没有完成的到基准日；没有延误为0。, sensitivity: internal}
*/
WITH current AS (
    SELECT term, started_on, least(as_of, ended_on) AS judged_on, as_of
    FROM terms, build WHERE started_on <= as_of QUALIFY row_number() OVER (ORDER BY started_on DESC) = 1
),
places AS (
    SELECT v.village_id, v.township_id, c.* FROM villages AS v JOIN current AS c ON in_office(v.valid_from, v.valid_to, c.as_of)
),
stages AS (
    SELECT unnest(enum_range(NULL::term_schedule_stage))::term_schedule_stage AS stage
),
-- What a failed attempt had done before its vote stands; only its vote does not. An appointment may take the place of both.
steps AS (
    SELECT e.village_id, e.election_id, CASE
            WHEN e.kind LIKE '村（居）委会%' THEN CASE s.stage WHEN '大会选举' THEN '村居委会选举' END
            ELSE CASE s.stage WHEN '党员推荐' THEN '推荐' WHEN '群众推荐' THEN '推荐' WHEN '初步人选' THEN '推荐' WHEN '资格联审' THEN '联审'
                WHEN '组织考察' THEN '考察' WHEN '候选人公示' THEN '公示' WHEN '大会选举' THEN '党员大会' END END AS stage,
        s.stage::VARCHAR AS part, s.started_on, CASE WHEN s.ended_on <= c.as_of THEN s.ended_on END AS ended_on,
        e.outcome = '失败' AND s.stage = '大会选举' AS failed
    FROM current AS c JOIN elections AS e USING (term) JOIN election_stages AS s USING (election_id)
    WHERE s.started_on <= c.as_of
),
held AS (
    SELECT village_id, stage, arg_max(election_id, (started_on, election_id)) AS election_id, min(started_on) AS started_on,
        -- By-elections come after the term: the first completion counts. Recommending ends with the list of those preselected.
        min(ended_on) FILTER (NOT failed AND (stage <> '推荐' OR part = '初步人选')) AS done_on, bool_or(failed) AS failed
    FROM steps WHERE stage IS NOT NULL GROUP BY village_id, stage
    UNION ALL
    SELECT t.village_id, '任职', arg_min(t.election_id, (t.started_on, t.election_id)), min(t.started_on), min(t.started_on), false
    FROM current AS c JOIN tenures AS t USING (term) WHERE t.post = '党组织书记' AND t.started_on <= c.as_of GROUP BY t.village_id
    UNION ALL
    SELECT t.village_id, '备案', NULL, min(f.submitted_on), min(f.filed_on), false
    FROM current AS c JOIN tenures AS t USING (term) JOIN filing_status AS f USING (tenure_id)
    WHERE t.post = '党组织书记' AND f.kind IN ('任前备案', '任后备案') GROUP BY t.village_id
),
judged AS (
    SELECT p.term, p.village_id, p.township_id, s.stage::VARCHAR AS stage, enum_code(s.stage)::INTEGER + 1 AS place, h.election_id,
        d.due_on, h.started_on, h.done_on, coalesce(h.failed, false) AS failed, p.as_of,
        greatest(0, date_diff('day', d.due_on, coalesce(h.done_on, p.as_of))) AS days_late
    FROM places AS p CROSS JOIN stages AS s
    LEFT JOIN term_schedule AS d ON d.term = p.term AND d.stage = s.stage
    LEFT JOIN held AS h ON h.village_id = p.village_id AND h.stage = s.stage::VARCHAR
)
SELECT term, village_id, township_id, stage, place, election_id, due_on, started_on, done_on,
    CASE WHEN done_on > due_on THEN '延期完成' WHEN done_on IS NOT NULL THEN '已完成' WHEN failed THEN '选举失败' WHEN as_of > due_on THEN '逾期'
        WHEN started_on IS NOT NULL THEN '进行中' ELSE '未开始' END AS state,
    coalesce(days_late, 0) AS days_late
FROM judged
