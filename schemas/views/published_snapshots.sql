/*
title: 已公开的统计报告
description: 到基准日为止已经发布、保密审查仍然有效的统计报告。
fields:
  snapshot_id: {title: 报告编号, sensitivity: public}
*/
SELECT snapshot_id
FROM snapshots SEMI JOIN standing_disclosures USING (disclosure_id), build
WHERE published_on <= as_of
