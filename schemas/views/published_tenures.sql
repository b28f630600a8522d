/*
title: 已公布的任职
description: 到基准日为止已经公布、保密审查仍然有效的任职。
fields:
  tenure_id: {title: 任职编号, sensitivity: public}
*/
SELECT tenure_id
FROM tenures SEMI JOIN standing_disclosures USING (disclosure_id), build
WHERE published_on <= as_of
