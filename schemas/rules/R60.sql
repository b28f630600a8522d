/*
id: R60
title: 补助有事由、经批准
severity: error
clause: care#6
table: subsidies
column: reason
message: "补助{subsidy_id}{problem}。"
remedy: "请填写补助事由，经批准以后再发放，并登记审批机构、日期和文号。"
*/
-- An application that waits for its approval is no fault; money paid without one is.
WITH wrong AS (
    SELECT subsidy_id, '没有填写事由' AS problem, 'reason' AS _column FROM subsidies WHERE reason IS NULL
    UNION ALL
    SELECT subsidy_id, '已于' || day_in_words(paid_on) || '发放，没有' || concat_ws('、', CASE WHEN approved_by IS NULL THEN '审批机构' END,
            CASE WHEN approved_on IS NULL THEN '审批日期' END, CASE WHEN document IS NULL THEN '审批文号' END),
        CASE WHEN approved_by IS NULL THEN 'approved_by' WHEN approved_on IS NULL THEN 'approved_on' ELSE 'document' END
    FROM subsidies WHERE paid_on IS NOT NULL AND (approved_by IS NULL OR approved_on IS NULL OR document IS NULL)
    UNION ALL
    SELECT subsidy_id, '于' || day_in_words(paid_on) || '发放，早于审批日期' || day_in_words(approved_on), 'paid_on' FROM subsidies WHERE paid_on < approved_on
    UNION ALL
    -- Who applies and pays does not approve.
    SELECT subsidy_id, '由申请机构自己审批', 'approved_by' FROM subsidies WHERE approved_by = org_id
)
SELECT w.subsidy_id, s.org_id, w.problem, w._column, s._file, s._line FROM wrong AS w JOIN subsidies AS s USING (subsidy_id)
