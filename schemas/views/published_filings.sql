/*
title: 可以公开的备案
description: 到基准日为止已经准予备案、没有撤销，且人员和任职都已公布的备案。
fields:
  filing_id: {title: 备案事项编号, sensitivity: public}
*/
-- 归档 alone does not do: a refused filing is archived too.
SELECT filing_id
FROM filings SEMI JOIN published_tenures USING (tenure_id) SEMI JOIN published_people USING (person_id)
WHERE filing_id IN (
    SELECT filing_id FROM filing_steps, build WHERE date <= as_of
    GROUP BY filing_id HAVING bool_or(state = '备案') AND NOT bool_or(state = '撤销')
)
