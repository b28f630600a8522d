/*
title: 有效的保密审查
description: 到基准日为止已批准公开、没有撤回的保密审查。
fields:
  disclosure_id: {title: 保密审查编号, sensitivity: internal}
*/
-- Every door to the public edition goes through this one list, so that an approval withdrawn closes all of them.
SELECT disclosure_id
FROM disclosure_approvals, build
WHERE decision = '同意公开' AND approved_on <= as_of AND (withdrawn_on IS NULL OR withdrawn_on > as_of)
