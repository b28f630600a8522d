/*
title: 已公布的人员
description: 有一段任职已经公布的人员；其他人员不进入公开版。
fields:
  person_id: {title: 人员编号, sensitivity: public}
*/
SELECT DISTINCT person_id FROM tenures SEMI JOIN published_tenures USING (tenure_id)
