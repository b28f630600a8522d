/*
id: R53
title: 调整处理到位
severity: error
clause: [adjustment#7, adjustment#4]
complete: [filings, tenures]
table: adjustments
column: tier
dated: decided_on
message: "{village_name}书记{person_name}（{adjustment_id}）{decision}，{problem}。"
remedy: "批评教育的写明整改期限；及时调整和严肃处理的终止任职，并办理免职备案。"
*/
-- After the decision there are as many working days as for reporting a removal; once the case is called closed, none.
WITH decided AS (
    SELECT a.*, as_of, (SELECT max(t.ended_on) FROM tenures AS t WHERE t.tenure_id = a.tenure_id) AS ended_on,
        a.state = '已办结' OR coalesce(as_of > a.due_on, false) AS late,
        param_number('rectify_days_max', a.decided_on)::INTEGER AS days
    FROM build CROSS JOIN adjustment_status AS a WHERE a.tier IS NOT NULL AND coalesce(a.decided_on <= as_of, true)
),
wrong AS (
    SELECT adjustment_id, '没有整改期限' AS problem, 'rectify_by' AS _column FROM decided WHERE tier = '批评教育' AND rectify_by IS NULL
    UNION ALL
    SELECT adjustment_id, '整改期限' || day_in_words(rectify_by) || '早于决定日期', 'rectify_by' FROM decided WHERE rectify_by < decided_on
    UNION ALL
    -- Without the day of the decision no limit begins to run.
    SELECT adjustment_id, '没有决定日期', 'decided_on' FROM decided WHERE decided_on IS NULL
    UNION ALL
    SELECT adjustment_id, '决定日期早于启动日期' || day_in_words(opened_on), 'decided_on' FROM decided WHERE decided_on < opened_on
    UNION ALL
    SELECT adjustment_id, '整改期限' || day_in_words(rectify_by) || '超过' || days || '天', 'rectify_by'
    FROM decided WHERE tier = '批评教育' AND rectify_by > decided_on + days
    UNION ALL
    SELECT adjustment_id, '任职没有终止', 'tier' FROM decided WHERE tier <> '批评教育' AND late AND (ended_on IS NULL OR ended_on > as_of)
    UNION ALL
    SELECT adjustment_id, '没有免职备案', 'tier' FROM decided WHERE tier <> '批评教育' AND late AND filing_id IS NULL
)
SELECT d.adjustment_id, d.person_id, d.village_id, d.tenure_id, coalesce(d.village_name, d.village_id) AS village_name,
    coalesce(d.person_name, d.person_id) AS person_name, d.decided_on, d.tier,
    coalesce('于' || day_in_words(d.decided_on), '') || '决定' || d.tier AS decision,
    string_agg(w.problem, '，' ORDER BY w.problem) AS problem, min(w._column) AS _column, d._file, d._line
FROM wrong AS w JOIN decided AS d USING (adjustment_id)
GROUP BY d.adjustment_id, d.person_id, d.village_id, d.tenure_id, d.village_name, d.person_name, d.decided_on, d.tier, d._file, d._line
