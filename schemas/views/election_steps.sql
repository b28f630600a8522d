/*
title: 选任过程
description: 每次选任逐个环节的日期、文件和结果，以及各环节的核算；缺少的环节也列出。按次序、分子从大到小排列就是一次选任的全过程。
fields:
  election_id: {title: 选任编号, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  ordinal: {title: 次序, description: 环节、会议、核算项目的先后；同一项目的几个人次序相同。, sensitivity: internal}
  stage: {title: 环节, sensitivity: internal}
  place: {title: 环节次序, sensitivity: internal}
  line_kind: {title: 行类, description: 环节或者核算。, sensitivity: internal}
  started_on: {title: 开始日期, sensitivity: internal}
  ended_on: {title: 结束日期, sensitivity: internal}
  org_name: {title: 负责机构, sensitivity: internal}
  document: {title: 文件或记录, sensitivity: internal}
  result: {title: 环节结果, sensitivity: internal}
  state: {title: 环节状态, sensitivity: internal}
  problem: {title: 环节问题, sensitivity: internal}
  meeting: {title: 会议, sensitivity: internal}
  on_date: {title: 日期, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  person_name: {title: 姓名, sensitivity: internal}
  item: {title: 核算项目, sensitivity: internal}
  numerator: {title: 分子, sensitivity: internal}
  denominator: {title: 分母, sensitivity: internal}
  share: {title: 比例, sensitivity: internal}
  arithmetic: {title: 算式, sensitivity: internal}
  comparison: {title: 要求, sensitivity: internal}
  threshold: {title: 界限, sensitivity: internal}
  requirement: {title: 规定, sensitivity: internal}
  met: {title: 是否达到, sensitivity: internal}
  decided: {title: 是否已有定论, sensitivity: internal}
  rule: {title: 规则, sensitivity: internal}
  detail: {title: 说明, sensitivity: internal}
*/
WITH problems AS (
    SELECT election_id, stage, string_agg(problem, '；') AS problem FROM election_order WHERE stage IS NOT NULL GROUP BY election_id, stage
),
stages AS (
    SELECT s.election_id, s.stage::VARCHAR AS stage, enum_code(s.stage)::INTEGER AS place, '环节' AS line_kind, s.started_on, s.ended_on,
        o.short_name AS org_name, s.document, s.result,
        CASE WHEN s.started_on > as_of THEN '未开始' WHEN s.ended_on IS NULL OR s.ended_on > as_of THEN '进行中' ELSE '已完成' END AS state,
        p.problem
    FROM build CROSS JOIN election_stages AS s
    LEFT JOIN organisations AS o ON o.org_id = s.org_id
    LEFT JOIN problems AS p ON p.election_id = s.election_id AND p.stage = s.stage::VARCHAR
    UNION ALL BY NAME
    -- What the plan asks for and this attempt lacks: done in an earlier attempt, missing, or still to come.
    SELECT e.election_id, plan.stage, plan.place, '环节' AS line_kind,
        CASE WHEN earlier.stage IS NOT NULL THEN '沿用前一次' WHEN e.outcome = '进行中' THEN '未开始' WHEN e.outcome = '失败' THEN '没有进行'
            ELSE '缺少' END AS state
    FROM elections AS e JOIN election_plan AS plan ON plan.kind = e.kind
    LEFT JOIN election_stages AS own ON own.election_id = e.election_id AND own.stage::VARCHAR = plan.stage
    LEFT JOIN (SELECT DISTINCT c.election_id, s.stage::VARCHAR AS stage
               FROM election_chain AS c JOIN election_stages AS s ON s.election_id = c.source_id) AS earlier
        ON earlier.election_id = e.election_id AND earlier.stage = plan.stage
    WHERE own.stage IS NULL
),
tests AS (
    SELECT t.election_id, t.stage, enum_code(t.stage::election_stages_stage)::INTEGER AS place, '核算' AS line_kind,
        t.meeting, t.on_date, t.person_id, p.name AS person_name, t.item, t.numerator, t.denominator, t.share,
        list_position(['应到人数', '到会', '参加投票', '票数', '差额', '推荐得票', '预选得票', '选举得票', '联审通过', '公示工作日'], t.item) AS item_order,
        CASE WHEN t.share IS NOT NULL THEN fraction(t.numerator, t.denominator)
            WHEN t.item = '差额' THEN t.numerator || '名，应选' || t.denominator || '名'
            WHEN t.item = '公示工作日' THEN t.numerator || '个工作日'
            ELSE t.detail END AS arithmetic,
        t.comparison, t.threshold,
        CASE t.item
            WHEN '差额' THEN '不少于' || t.denominator || '×' || shown_number(t.threshold) || '=' || shown_number(t.threshold * t.denominator) || '名'
            WHEN '公示工作日' THEN '不少于' || shown_number(t.threshold) || '个工作日'
            WHEN '应到人数' THEN '有选举权减去不计入'
            WHEN '票数' THEN '有效≤收回≤发出≤实到'
            WHEN '联审通过' THEN '全部通过'
            ELSE t.comparison || as_percent(t.threshold) END AS requirement,
        t.met, t.decided, t.rule, t.detail
    FROM election_tests AS t LEFT JOIN people AS p USING (person_id)
)
SELECT f.election_id, e.village_id,
    -- A number that sorts, not a running count: to count would mean to sort everything here already.
    1000 * f.place + CASE f.line_kind WHEN '环节' THEN 0 ELSE 100 + 20 * coalesce(list_position(
        ['党员推荐会', '群众推荐会', '党员大会预选', '党员大会选举', '党员大会另选', '委员会会议选举', '村（居）民选举', '村（居）民另选'],
        f.meeting), 0) + f.item_order END AS ordinal,
    f.stage, f.place, f.line_kind, f.started_on, f.ended_on, f.org_name, f.document, f.result, f.state, f.problem, f.meeting, f.on_date,
    f.person_id, f.person_name, f.item, f.numerator, f.denominator, f.share, f.arithmetic, f.comparison, f.threshold, f.requirement, f.met,
    f.decided, f.rule, f.detail
FROM (SELECT * FROM stages UNION ALL BY NAME SELECT * FROM tests) AS f JOIN elections AS e USING (election_id)
