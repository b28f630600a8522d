/*
title: 备案流转
description: 到基准日为止每件备案经过的每一步，从哪个状态来、时限到哪天、是否超期。
fields:
  filing_id: {title: 备案事项编号, sensitivity: internal}
  ordinal: {title: 序号, sensitivity: internal}
  from_state: {title: 原状态, sensitivity: internal}
  state: {title: 状态, sensitivity: internal}
  date: {title: 日期, sensitivity: internal}
  org_id: {title: 办理机构编号, sensitivity: internal}
  org_name: {title: 办理机构, sensitivity: internal}
  signer: {title: 签署人, sensitivity: internal}
  opinion: {title: 意见, sensitivity: internal}
  document: {title: 文号, sensitivity: internal}
  from_date: {title: 上一步日期, sensitivity: internal}
  accepted_on: {title: 受理日期, sensitivity: internal}
  actor: {title: 办理层级, description: 流转表规定由乡镇还是市办理；空着表示流转表没有这一跳转。, sensitivity: internal}
  deadline: {title: 时限参数, sensitivity: internal}
  base_date: {title: 时限起算日, sensitivity: internal}
  limit_days: {title: 时限（工作日）, sensitivity: internal}
  due_on: {title: 时限, sensitivity: internal}
  late: {title: 是否超期, sensitivity: internal}
  is_last: {title: 是否最后一步, sensitivity: internal}
  _file: {title: 文件, sensitivity: internal}
  _line: {title: 行号, sensitivity: internal}
*/
WITH step AS (
    SELECT s.*,
        coalesce(lag(s.state) OVER trail, '开始') AS from_state,
        lag(s.date) OVER trail AS from_date,
        max(s.date) FILTER (WHERE s.state = '受理')
            OVER (PARTITION BY s.filing_id ORDER BY s.ordinal ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS accepted_on,
        lead(s.ordinal) OVER trail IS NULL AS is_last
    -- A step without its date is R35's to complain of; it happened.
    FROM filing_steps AS s, build
    WHERE s.date IS NULL OR s.date <= as_of
    WINDOW trail AS (PARTITION BY s.filing_id ORDER BY s.ordinal)
), based AS (
    SELECT s.*, t.actor, t.deadline,
        CASE t.deadline
            WHEN 'report_working_days' THEN CASE WHEN e.report_due_on IS NOT NULL THEN e.event_date END
            -- The limit for the answer runs from acceptance, through the review.
            WHEN 'review_working_days' THEN s.accepted_on
            ELSE s.from_date
        END AS base_date
    FROM step AS s
    JOIN filing_events AS e USING (filing_id)
    LEFT JOIN filing_transitions AS t ON t.from_state = s.from_state AND t.to_state = s.state
        AND t.effective_from <= s.date AND (t.effective_to IS NULL OR t.effective_to >= s.date)
), limited AS (
    SELECT *, param_count(deadline, base_date) AS limit_days FROM based
)
SELECT l.filing_id, l.ordinal, l.from_state, l.state, l.date, l.org_id, o.short_name AS org_name, l.signer, l.opinion, l.document,
    l.from_date, l.accepted_on, l.actor, l.deadline, l.base_date, l.limit_days,
    l.due_on, l.date > l.due_on AS late,
    l.is_last, l._file, l._line
FROM (SELECT *, add_working_days(base_date, limit_days) AS due_on FROM limited) AS l LEFT JOIN organisations AS o USING (org_id)
