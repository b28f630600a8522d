/*
title: 备案状态
description: 到基准日为止每件备案办到哪一步、轮到谁办、时限到哪天、是否超期。
rows:
  public: filing_id IN (SELECT filing_id FROM published_filings)
fields:
  filing_id: {title: 备案事项编号, sensitivity: public}
  kind: {title: 备案种类, sensitivity: public}
  person_id: {title: 人员编号, sensitivity: public}
  person_name: {title: 姓名, sensitivity: public}
  village_id: {title: 村（社区）编号, sensitivity: public}
  village_name: {title: 村（社区）, sensitivity: public}
  township_id: {title: 乡镇（街道）编号, sensitivity: public}
  township_name: {title: 乡镇（街道）, sensitivity: public}
  tenure_id: {title: 任职编号, sensitivity: public}
  filing_number: {title: 备案编号, sensitivity: public}
  document_number: {title: 备案文号, sensitivity: public}
  filed_on: {title: 备案日期, sensitivity: public}
  event_date: {title: 触发日期, sensitivity: internal}
  state: {title: 状态, sensitivity: internal}
  state_since: {title: 进入状态日期, sensitivity: internal}
  open: {title: 是否在办, sensitivity: internal}
  decision: {title: 决定, sensitivity: internal}
  decided_on: {title: 决定日期, sensitivity: internal}
  revoked: {title: 是否撤销, sensitivity: internal}
  submitted_on: {title: 首次报送日期, sensitivity: internal}
  accepted_on: {title: 受理日期, sensitivity: internal}
  returns: {title: 退回次数, sensitivity: internal}
  next_actor: {title: 轮到哪一级, sensitivity: internal}
  next_org_id: {title: 轮到哪个机构（编号）, sensitivity: internal}
  next_org_name: {title: 轮到哪个机构, sensitivity: internal}
  next_states: {title: 下一步, sensitivity: internal}
  deadline: {title: 时限参数, sensitivity: internal}
  base_date: {title: 时限起算日, sensitivity: internal}
  limit_days: {title: 时限（工作日）, sensitivity: internal}
  due_on: {title: 时限, sensitivity: internal}
  overdue: {title: 是否超期, sensitivity: internal}
  days_in_state: {title: 停留天数, sensitivity: internal}
  working_days_in_state: {title: 停留工作日, sensitivity: internal}
  overdue_working_days: {title: 超期工作日, sensitivity: internal}
  late_steps: {title: 超期环节数, sensitivity: internal}
*/
WITH trail AS (
    SELECT filing_id,
        arg_max(state, ordinal) AS state,
        coalesce(arg_max(date, ordinal), max(date)) AS state_since,
        min(date) FILTER (WHERE state = '报送') AS submitted_on,
        max(date) FILTER (WHERE state = '受理') AS accepted_on,
        max(date) FILTER (WHERE state = '备案') AS filed_on,
        arg_max(state, ordinal) FILTER (WHERE state IN ('备案', '不予备案')) AS decision,
        arg_max(date, ordinal) FILTER (WHERE state IN ('备案', '不予备案')) AS decided_on,
        bool_or(state = '撤销') AS revoked,
        count(*) FILTER (WHERE state = '退回') AS returns,
        count(*) FILTER (WHERE late) AS late_steps
    FROM filing_trail GROUP BY filing_id
), stated AS (
    -- A filing that nobody has signed yet is being drafted.
    SELECT e.*, f.filing_number, f.document_number, as_of,
        coalesce(t.state, '起草') AS state, coalesce(t.state_since, f.prepared_on) AS state_since,
        t.submitted_on, t.accepted_on, t.filed_on, t.decision, t.decided_on, coalesce(t.revoked, false) AS revoked,
        coalesce(t.returns, 0) AS returns, coalesce(t.late_steps, 0) AS late_steps
    FROM filing_events AS e JOIN filings AS f USING (filing_id) LEFT JOIN trail AS t USING (filing_id), build
    WHERE t.filing_id IS NOT NULL OR f.prepared_on <= as_of
), onward AS (
    -- What the table of transitions allows next, whose turn that is, and the limit that runs.
    SELECT s.filing_id, any_value(n.actor) AS next_actor, any_value(p.issued_by) AS city_office,
        list(n.to_state ORDER BY n.ordinal) AS next_states,
        max(CASE WHEN s.state = '起草' THEN 'report_working_days' ELSE n.deadline END) AS deadline
    FROM stated AS s
    JOIN filing_transitions AS n ON n.from_state = s.state AND n.to_state <> '起草'
        AND n.effective_from <= as_of AND (n.effective_to IS NULL OR n.effective_to >= as_of)
    JOIN policies AS p USING (policy_id)
    WHERE s.state IN ('起草', '乡镇审核', '报送', '受理', '审查', '退回')
    GROUP BY s.filing_id
), based AS (
    -- A nomination that must be filed before the appointment has no limit of days: the appointment is the limit.
    SELECT s.*, n.next_actor, n.next_states, n.city_office, n.filing_id IS NOT NULL AS open, n.deadline,
        CASE n.deadline
            WHEN 'report_working_days' THEN CASE WHEN s.report_due_on IS NOT NULL THEN s.event_date END
            WHEN 'review_working_days' THEN s.accepted_on
            ELSE s.state_since
        END AS base_date
    FROM stated AS s LEFT JOIN onward AS n USING (filing_id)
), limited AS (
    SELECT *, param_count(deadline, base_date) AS limit_days FROM based
), due AS (
    SELECT *, CASE
        WHEN deadline = 'report_working_days' AND kind = '任前备案' THEN started_on
        ELSE add_working_days(base_date, limit_days) END AS due_on
    FROM limited
)
SELECT d.filing_id, d.kind, d.person_id, p.name AS person_name, d.village_id, d.village_name, d.township_id,
    o.short_name AS township_name, d.tenure_id,
    -- As of a day before the decision there was no number yet.
    CASE WHEN d.filed_on IS NOT NULL THEN d.filing_number END AS filing_number,
    CASE WHEN d.decided_on IS NOT NULL THEN d.document_number END AS document_number,
    d.filed_on, d.event_date,
    d.state, d.state_since, d.open, d.decision, d.decided_on, d.revoked, d.submitted_on, d.accepted_on, d.returns,
    d.next_actor,
    CASE d.next_actor WHEN '乡镇' THEN d.township_id WHEN '市' THEN d.city_office END AS next_org_id,
    CASE d.next_actor WHEN '乡镇' THEN o.short_name WHEN '市' THEN c.short_name END AS next_org_name,
    d.next_states, d.deadline, d.base_date, d.limit_days, d.due_on,
    d.open AND d.as_of > d.due_on AS overdue,
    date_diff('day', d.state_since, d.as_of) AS days_in_state,
    working_days_between(d.state_since, d.as_of) AS working_days_in_state,
    CASE WHEN d.open AND d.as_of > d.due_on THEN working_days_between(d.due_on, d.as_of) END AS overdue_working_days,
    d.late_steps
FROM due AS d
LEFT JOIN people AS p USING (person_id)
LEFT JOIN organisations AS o ON o.org_id = d.township_id
LEFT JOIN organisations AS c ON c.org_id = d.city_office
