/*
title: 第一书记管理情况
description: 每次派驻一行：三方责任人、督导、在岗、整改、反馈、任期和召回。
fields:
  first_secretary_id: {title: 派驻编号, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  person_name: {title: 姓名, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  township_name: {title: 乡镇（街道）, sensitivity: internal}
  dispatching_org: {title: 派出单位编号, sensitivity: internal}
  unit_name: {title: 派出单位, sensitivity: internal}
  started_on: {title: 到任日期, sensitivity: internal}
  ended_on: {title: 离任日期, sensitivity: internal}
  end_reason: {title: 离任原因, sensitivity: internal}
  in_post: {title: 是否在岗, sensitivity: internal}
  term_ends_on: {title: 任期届满日期, sensitivity: internal}
  missing_parties: {title: 缺少的责任人, sensitivity: internal}
  quarters: {title: 应督导季度数, sensitivity: internal}
  inspections_due: {title: 应督导次数, sensitivity: internal}
  inspections_done: {title: 已督导次数, sensitivity: internal}
  inspections_missed: {title: 未督导次数, sensitivity: internal}
  last_inspected_on: {title: 最近督导日期, sensitivity: internal}
  last_result: {title: 最近督导结果, sensitivity: internal}
  months_short: {title: 在岗不足月数, sensitivity: internal}
  days_average: {title: 月均在岗天数, sensitivity: internal}
  open_findings: {title: 待整改问题, sensitivity: internal}
  overdue_findings: {title: 逾期未整改, sensitivity: internal}
  unsent: {title: 未反馈派出单位次数, sensitivity: internal}
  poor_quarters_running: {title: 连续不合格季度数, sensitivity: internal}
  recall_due: {title: 是否应当召回, sensitivity: internal}
*/
WITH inspected AS (
    SELECT c.first_secretary_id,
        count(DISTINCT c.quarter_start) FILTER (c.state IN ('已督导', '未督导')) AS quarters,
        count(*) FILTER (c.state IN ('已督导', '未督导')) AS inspections_due,
        count(*) FILTER (c.state = '已督导') AS inspections_done,
        count(*) FILTER (c.state = '未督导') AS inspections_missed,
        max(c.date) AS last_inspected_on, arg_max(c.result, (c.date, c.org_id)) AS last_result,
        count(*) FILTER (c.findings IS NOT NULL AND (c.rectified_on IS NULL OR c.rectified_on > as_of)) AS open_findings,
        count(*) FILTER (c.findings IS NOT NULL AND (c.rectified_on IS NULL OR c.rectified_on > as_of) AND c.rectify_by < as_of)
            AS overdue_findings,
        count(*) FILTER (c.state = '已督导' AND (c.sent_to_unit_on IS NULL OR c.sent_to_unit_on > as_of)) AS unsent
    FROM inspection_calendar AS c, build
    GROUP BY c.first_secretary_id
),
on_site AS (
    SELECT first_secretary_id, count(*) FILTER (NOT met) AS months_short, rounded(avg(days), 1) AS days_average
    FROM on_site_months GROUP BY first_secretary_id
),
-- A quarter is poor when a body rates it 差 or a month of it was short.
quarters AS (
    SELECT c.first_secretary_id, c.quarter_start,
        bool_or(c.result = '差') OR coalesce(bool_or(NOT m.met), false) AS poor
    FROM inspection_calendar AS c
    LEFT JOIN on_site_months AS m ON m.first_secretary_id = c.first_secretary_id
        AND date_trunc('quarter', m.month_start) = c.quarter_start
    WHERE c.state = '已督导'
    GROUP BY c.first_secretary_id, c.quarter_start
),
-- The last inspected quarters back to the last one that was good.
running AS (
    SELECT q.first_secretary_id, count(*) AS poor_quarters_running
    FROM quarters AS q
    LEFT JOIN (SELECT first_secretary_id, max(quarter_start) AS good FROM quarters WHERE NOT poor GROUP BY 1) AS g USING (first_secretary_id)
    WHERE q.poor AND (g.good IS NULL OR q.quarter_start > g.good)
    GROUP BY q.first_secretary_id
)
SELECT f.first_secretary_id, f.person_id, p.name AS person_name, f.village_id, v.name AS village_name, v.township_id,
    t.short_name AS township_name, f.dispatching_org, u.short_name AS unit_name, f.started_on, f.ended_on,
    CASE WHEN f.ended_on <= as_of THEN f.end_reason END AS end_reason,
    in_office(f.started_on, f.ended_on, as_of) AS in_post,
    (f.started_on + to_years(param_number('fs_term_years', f.started_on)::INTEGER))::DATE AS term_ends_on,
    nullif(concat_ws('、', CASE WHEN f.city_responsible IS NULL THEN '市级责任人' END,
        CASE WHEN f.unit_responsible IS NULL THEN '派出单位责任人' END,
        CASE WHEN f.township_responsible IS NULL THEN '驻地乡镇责任人' END), '') AS missing_parties,
    coalesce(i.quarters, 0) AS quarters, coalesce(i.inspections_due, 0) AS inspections_due,
    coalesce(i.inspections_done, 0) AS inspections_done, coalesce(i.inspections_missed, 0) AS inspections_missed,
    i.last_inspected_on, i.last_result, coalesce(s.months_short, 0) AS months_short, s.days_average,
    coalesce(i.open_findings, 0) AS open_findings, coalesce(i.overdue_findings, 0) AS overdue_findings, coalesce(i.unsent, 0) AS unsent,
    coalesce(r.poor_quarters_running, 0) AS poor_quarters_running,
    in_office(f.started_on, f.ended_on, as_of)
        AND coalesce(r.poor_quarters_running, 0) >= param_number('recall_quarters', as_of) AS recall_due
FROM first_secretaries AS f CROSS JOIN build
LEFT JOIN people AS p ON p.person_id = f.person_id
LEFT JOIN villages AS v ON v.village_id = f.village_id
LEFT JOIN organisations AS t ON t.org_id = v.township_id
LEFT JOIN organisations AS u ON u.org_id = f.dispatching_org
LEFT JOIN inspected AS i ON i.first_secretary_id = f.first_secretary_id
LEFT JOIN on_site AS s ON s.first_secretary_id = f.first_secretary_id
LEFT JOIN running AS r ON r.first_secretary_id = f.first_secretary_id
WHERE f.started_on <= as_of
