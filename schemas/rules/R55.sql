/*
id: R55
title: 基本报酬按月直达
severity: warning
clause: pay#5
complete: payments
table: tenures
column: person_id
message: "{village_name}书记{person_name}{year}年基本报酬{problem}。"
remedy: "请核对发放记录；确实没有发放、没有直达账户或者不足额的，说明原因并补发。"
*/
-- Months not paid are judged when the year is over, for the whole months in office, and told at the tenure; what was paid
-- wrongly is told at its own line. Months are named, amounts never.
SELECT y.person_id, y.village_id, y.tenure_id, coalesce(v.name, y.village_id) AS village_name, coalesce(p.name, y.person_id) AS person_name, y.year,
    '应发' || len(y.months_due) || '次，' || array_to_string(y.months_missing, '、') || '月没有发放记录' AS problem,
    'tenures' AS _table, 'person_id' AS _column, s._file, s._line
FROM build CROSS JOIN pay_years AS y JOIN tenures AS s USING (tenure_id)
LEFT JOIN people AS p ON p.person_id = y.person_id LEFT JOIN villages AS v ON v.village_id = y.village_id
WHERE y.year < year(as_of) AND len(y.months_missing) > 0
UNION ALL BY NAME
SELECT y.person_id, y.village_id, coalesce(v.name, y.village_id) AS village_name, coalesce(p.name, y.person_id) AS person_name, y.year,
    y.month || '月' || concat_ws('，', CASE WHEN NOT y.direct THEN '没有直达个人账户' END,
        CASE WHEN abs(y.variance) > y.variance_max THEN '实发与应发相差超过' || shown_number(y.variance_max) || '%' END) AS problem,
    'payments' AS _table, CASE WHEN NOT y.direct THEN 'direct' ELSE 'variance' END AS _column, y._file, y._line
FROM (SELECT q.*, param_number('pay_variance_max', year_end(q.year)) AS variance_max FROM payments AS q) AS y CROSS JOIN build
LEFT JOIN people AS p ON p.person_id = y.person_id LEFT JOIN villages AS v ON v.village_id = y.village_id
WHERE y.kind = '基本报酬' AND y.paid_on <= as_of AND (NOT y.direct OR abs(y.variance) > y.variance_max)
