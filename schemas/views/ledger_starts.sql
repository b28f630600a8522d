/*
title: 各台账起始年度
description: 每种台账从哪一年开始有记录。此前的年度不检查遗漏；一条记录也没有的，从基准日的上一年查起。
fields:
  ledger: {title: 台账, sensitivity: internal}
  first_year: {title: 起始年度, sensitivity: internal}
*/
-- What a rule misses must be missing from a ledger that was kept: nobody enters the inspections of years before the register.
-- A ledger that is wholly empty is still asked for, or the city that never began one would never be told.
SELECT ledger, coalesce(first_year, year(as_of) - 1)::INTEGER AS first_year
FROM (
    SELECT '督导' AS ledger, min(year) AS first_year FROM inspections
    UNION ALL SELECT '培训', min(year(c.started_on)) FROM training_classes AS c JOIN attendance USING (class_id)
    UNION ALL SELECT '目标', min(year) FROM targets
    UNION ALL SELECT '考核', min(year) FROM appraisals
    UNION ALL SELECT '审计', min(year(started_on)) FROM audits
    UNION ALL SELECT '报酬', min(year) FROM payments
    UNION ALL SELECT '体检', min(year(date)) FROM care WHERE action = '体检'
    UNION ALL SELECT '走访慰问', min(year(date)) FROM care WHERE action = '走访慰问'
), build
