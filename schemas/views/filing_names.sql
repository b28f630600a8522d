/*
title: 备案时的名称
description: 每件备案填表之日村（社区）和报送单位的名称；以后更名的不改以前的表。
fields:
  filing_id: {title: 备案事项编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  office_name: {title: 填报单位, sensitivity: internal}
  office_short_name: {title: 填报单位简称, sensitivity: internal}
*/
SELECT f.filing_id, name_on(v.name, v.village_id, f.prepared_on) AS village_name, name_on(o.name, o.org_id, f.prepared_on) AS office_name,
    short_name_on(o.short_name, o.org_id, f.prepared_on) AS office_short_name
FROM filings AS f JOIN villages AS v USING (village_id) JOIN organisations AS o ON o.org_id = v.township_id
