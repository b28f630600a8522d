/*
title: 备案时的名称
description: 每件备案填表之日村（社区）、党组织和报送单位的名称；以后更名的不改以前的表。
fields:
  filing_id: {title: 备案事项编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  party_org_type: {title: 党组织类型, sensitivity: internal}
  party_org_name: {title: 党组织全称, sensitivity: internal}
  office_name: {title: 填报单位, sensitivity: internal}
  office_short_name: {title: 填报单位简称, sensitivity: internal}
*/
SELECT f.filing_id, n.village_name, n.party_org_type, n.party_org_name, n.office_name, n.office_short_name
FROM filings AS f JOIN village_names AS n ON n.village_id = f.village_id AND f.prepared_on BETWEEN n.since AND n.until
