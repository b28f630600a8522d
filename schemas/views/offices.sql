/*
title: 机构与所辖乡镇
description: 每个机构和它下面的每个乡镇（街道）；乡镇（街道）也列自己。按上级机构逐级推出，不限级数。
fields:
  org_id: {title: 机构编号, sensitivity: public}
  township_id: {title: 乡镇（街道）, sensitivity: public}
*/
-- Which offices have villages is what the villages say, not a list of types: a county in between needs no change here.
WITH RECURSIVE above AS (
    SELECT DISTINCT township_id AS org_id, township_id FROM villages
    UNION
    SELECT o.parent, a.township_id FROM above AS a JOIN organisations AS o USING (org_id) WHERE o.parent IS NOT NULL
)
SELECT org_id, township_id FROM above
