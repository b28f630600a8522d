/*
title: 已公开的公示
description: 到基准日为止已经开始、保密审查仍然有效的公示。
fields:
  notice_id: {title: 公示编号, sensitivity: public}
*/
SELECT notice_id
FROM notices SEMI JOIN standing_disclosures USING (disclosure_id), build
WHERE started_on <= as_of
