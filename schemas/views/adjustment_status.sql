/*
title: 不合格书记调整情况
description: 每次调整一行：线索、处理方式、整改、任职终止和免职备案办到哪一步。
fields:
  adjustment_id: {title: 调整编号, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  person_name: {title: 姓名, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  township_name: {title: 乡镇（街道）, sensitivity: internal}
  tenure_id: {title: 任职编号, sensitivity: internal}
  source: {title: 线索来源, sensitivity: internal}
  appraisal_id: {title: 考核编号, sensitivity: internal}
  audit_id: {title: 审计编号, sensitivity: internal}
  opened_on: {title: 启动日期, sensitivity: internal}
  tier: {title: 处理方式, sensitivity: internal}
  decided_on: {title: 决定日期, sensitivity: internal}
  rectify_by: {title: 整改期限, sensitivity: internal}
  rectified_on: {title: 整改完成日期, sensitivity: internal}
  tenure_ended_on: {title: 离任日期, sensitivity: internal}
  filing_id: {title: 免职备案, sensitivity: internal}
  filing_state: {title: 免职备案状态, sensitivity: internal}
  due_on: {title: 免职备案报送期限, sensitivity: internal}
  closed_on: {title: 办结日期, sensitivity: internal}
  state: {title: 状态, sensitivity: internal}
*/
WITH removal AS (
    -- One that was refused or revoked removes nobody.
    SELECT f.tenure_id, arg_max(f.filing_id, (f.trigger_date, f.filing_id)) AS filing_id
    FROM filings AS f JOIN filing_status AS s USING (filing_id)
    WHERE f.kind = '免职备案' AND s.decision IS DISTINCT FROM '不予备案' AND NOT s.revoked GROUP BY f.tenure_id
)
SELECT a.adjustment_id, a.person_id, p.name AS person_name, a.village_id, v.name AS village_name, v.township_id, o.short_name AS township_name,
    a.tenure_id, a.source, a.appraisal_id, a.audit_id, a.opened_on, a.tier::VARCHAR AS tier, a.decided_on, a.rectify_by, a.rectified_on,
    t.ended_on AS tenure_ended_on, r.filing_id, s.state AS filing_state,
    CASE WHEN a.tier >= '及时调整'::adjustments_tier THEN add_working_days(a.decided_on, param_number('report_working_days', a.decided_on)) END AS due_on,
    a.closed_on,
    CASE
        WHEN a.closed_on <= as_of THEN '已办结'
        WHEN a.tier IS NULL OR a.decided_on IS NULL OR a.decided_on > as_of THEN '核实中'
        WHEN a.tier = '批评教育' THEN CASE WHEN a.rectified_on <= as_of THEN '已整改'
            WHEN a.rectify_by < as_of THEN '整改逾期' ELSE '整改中' END
        WHEN t.ended_on IS NULL OR t.ended_on > as_of THEN '待免职'
        WHEN r.filing_id IS NULL THEN '待备案'
        WHEN s.open THEN '备案中'
        ELSE '已免职'
    END AS state,
    a._file, a._line
FROM build CROSS JOIN adjustments AS a
LEFT JOIN tenures AS t ON t.tenure_id = a.tenure_id
LEFT JOIN removal AS r ON r.tenure_id = a.tenure_id
LEFT JOIN filing_status AS s ON s.filing_id = r.filing_id
LEFT JOIN people AS p ON p.person_id = a.person_id
LEFT JOIN villages AS v ON v.village_id = a.village_id
LEFT JOIN organisations AS o ON o.org_id = v.township_id
WHERE a.opened_on <= as_of
