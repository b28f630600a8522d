/*
title: 各台账起始年度
description: 每种台账从哪一年开始有记录。此前的年度不检查遗漏；一条记录也没有的，从基准日的上一年查起。
fields:
  ledger: {title: 台账, sensitivity: internal}
  first_year: {title: 起始年度, sensitivity: internal}
*/
-- What a rule misses must be missing from a ledger that was kept: nobody enters the inspections of years before the register.
-- A ledger that is wholly empty is still asked for, or the city that never began one would never be told. A year that can
-- be none, a slip of the keyboard, begins nothing.
WITH kept AS (
    SELECT '督导' AS ledger, year FROM inspections
    UNION ALL SELECT '培训', year(c.started_on) FROM training_classes AS c SEMI JOIN attendance USING (class_id)
    UNION ALL SELECT '目标', year FROM targets
    UNION ALL SELECT '考核', year FROM appraisals
    UNION ALL SELECT '审计', year(started_on) FROM audits
    UNION ALL SELECT '报酬', year FROM payments
    UNION ALL SELECT action, year(date) FROM care
)
SELECT l.ledger, coalesce(min(k.year) FILTER (k.year BETWEEN 2000 AND 2100), any_value(year(as_of)) - 1)::INTEGER AS first_year
FROM build CROSS JOIN (VALUES ('督导'), ('培训'), ('目标'), ('考核'), ('审计'), ('报酬'), ('体检'), ('谈心'), ('走访慰问')) AS l(ledger)
LEFT JOIN kept AS k ON k.ledger = l.ledger
GROUP BY l.ledger
