/*
title: 村（社区）各个时期的名称
description: 每个村（社区）从哪天到哪天叫什么名称，党组织是党委、党总支还是党支部，在哪个乡镇（街道）之下；没有变过的只有一行。
fields:
  village_id: {title: 村（社区）编号, sensitivity: public}
  since: {title: 起, sensitivity: public}
  until: {title: 止, description: 现在的名称到9999年。, sensitivity: public}
  village_name: {title: 村（社区）, sensitivity: public}
  committee: {title: 村或居, description: 村称村委会、村民，社区称居委会、居民。, sensitivity: public}
  party_org_type: {title: 党组织类型, sensitivity: public}
  party_org_name: {title: 党组织全称, sensitivity: public}
  office_name: {title: 乡镇（街道）党（工）委, sensitivity: public}
  office_short_name: {title: 乡镇（街道）, sensitivity: public}
*/
-- A name ends on a day that the earlier names tell, the kind of a party organisation before the filing on its change.
WITH changed AS (
    SELECT f.village_id, f.trigger_date - 1 AS until, x.item, x.before
    FROM filing_changes AS x JOIN filings AS f USING (filing_id) WHERE x.item IN ('党组织名称', '党组织全称') AND x.before IS NOT NULL
), ended AS (
    SELECT village_id, until FROM changed
    UNION SELECT village_id, until FROM earlier_names WHERE village_id IS NOT NULL
    UNION SELECT v.village_id, e.until FROM earlier_names AS e JOIN villages AS v ON v.township_id = e.org_id
    UNION SELECT village_id, DATE '9999-12-31' FROM villages
), period AS (
    SELECT village_id, coalesce(lag(until) OVER (PARTITION BY village_id ORDER BY until) + 1, DATE '0001-01-01') AS since, until FROM ended
), party AS (
    SELECT p.village_id, p.until, arg_min(c.before, c.until) FILTER (c.item = '党组织名称') AS kind,
        arg_min(c.before, c.until) FILTER (c.item = '党组织全称') AS full_name
    FROM period AS p JOIN changed AS c ON c.village_id = p.village_id AND c.until >= p.until GROUP BY p.village_id, p.until
), named AS (
    SELECT v.*, p.since, p.until, y.kind AS party_kind, y.full_name, name_on(v.name, v.village_id, p.until) AS village_name,
        o.short_name, name_on(o.name, o.org_id, p.until) AS office_name, short_name_on(o.short_name, o.org_id, p.until) AS office_short_name
    FROM villages AS v JOIN period AS p USING (village_id) LEFT JOIN party AS y ON y.village_id = v.village_id AND y.until = p.until
    LEFT JOIN organisations AS o ON o.org_id = v.township_id
)
SELECT village_id, since, until, village_name, CASE kind WHEN '社区' THEN '居' ELSE '村' END AS committee,
    coalesce(party_kind, party_org_type::VARCHAR) AS party_org_type,
    replace(replace(coalesce(full_name, replace(party_org_name, party_body(party_org_type), party_body(party_kind)), party_org_name),
        name, village_name), short_name, office_short_name) AS party_org_name, office_name, office_short_name
FROM named
