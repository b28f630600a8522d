/*
id: R39
title: 统计分段不重叠、不留空
severity: error
clause: [structure#4, structure#5]
table: policy_bands
column: lower
message: "{dimension}分段“{title}”{problem}（{on_date}起）。"
remedy: "请改正上下限：上下限都含本数，后一段的下限应比前一段的上限大1，最低一段不设下限，最高一段不设上限。"
*/
-- Bands come and go; what holds together is asked on each day on which the set of a dimension changes.
WITH days AS (
    SELECT DISTINCT dimension, effective_from AS on_date FROM policy_bands
    UNION
    SELECT DISTINCT dimension, effective_to + 1 FROM policy_bands WHERE effective_to IS NOT NULL
), band AS (
    SELECT b.*, d.on_date,
        lag(b.title) OVER line AS before_title, lag(b.upper) OVER line AS before_upper,
        lag(b.band) OVER line IS NULL AS is_lowest, lead(b.band) OVER line IS NULL AS is_highest
    FROM policy_bands AS b JOIN days AS d ON d.dimension = b.dimension
        AND b.effective_from <= d.on_date AND (b.effective_to IS NULL OR b.effective_to >= d.on_date)
    WINDOW line AS (PARTITION BY d.dimension, d.on_date ORDER BY b.lower NULLS FIRST, b.upper NULLS LAST, b.band)
), judged AS (
    SELECT *, CASE
        WHEN lower > upper THEN '的下限' || lower || '大于上限' || upper
        WHEN is_lowest AND coalesce(lower, 0) > 0 THEN '是最低一段，却从' || lower || '起，以下留空'
        WHEN NOT is_lowest AND (before_upper IS NULL OR lower IS NULL OR lower <= before_upper) THEN '与“' || before_title || '”重叠'
        WHEN NOT is_lowest AND lower > before_upper::HUGEINT + 1 THEN '与“' || before_title || '”之间留空' || (before_upper::HUGEINT + 1)
            || CASE WHEN lower > before_upper::HUGEINT + 2 THEN '至' || (lower::HUGEINT - 1) ELSE '' END
        WHEN is_highest AND upper IS NOT NULL THEN '是最高一段，却到' || upper || '为止，以上留空'
        END AS problem
    FROM band
)
SELECT any_value(_file) AS _file, any_value(_line) AS _line, policy_id, dimension, band, title, problem, min(on_date) AS on_date
FROM judged WHERE problem IS NOT NULL
GROUP BY policy_id, dimension, band, effective_from, title, problem
