/*
title: 乡镇关怀台账
description: 每个乡镇（街道）两本台账的在账人数、最近两个慰问期的走访和当年体检。
fields:
  org_id: {title: 乡镇（街道）编号, sensitivity: internal}
  org_name: {title: 乡镇（街道）, sensitivity: internal}
  hardship: {title: 困难台账在账, sensitivity: internal}
  former: {title: 离任台账在账, sensitivity: internal}
  visits_asked: {title: 当年应走访（人次）, sensitivity: internal}
  visits_done: {title: 当年已走访（人次）, sensitivity: internal}
  checkups_asked: {title: 当年应体检, sensitivity: internal}
  checkups_done: {title: 当年已体检, sensitivity: internal}
  subsidies_paid: {title: 当年发放补助（件）, sensitivity: internal}
*/
WITH ledgers AS (
    SELECT g.org_id, count(*) FILTER (g.ledger = '困难') AS hardship, count(*) FILTER (g.ledger = '离任') AS former
    FROM build CROSS JOIN care_ledgers AS g WHERE in_office(g.entered_on, g.exited_on, as_of) GROUP BY g.org_id
),
due AS (
    SELECT d.township_id AS org_id, count(*) FILTER (d.kind = '走访慰问') AS visits_asked,
        count(*) FILTER (d.kind = '走访慰问' AND d.state = '已落实') AS visits_done,
        count(*) FILTER (d.kind = '体检') AS checkups_asked, count(*) FILTER (d.kind = '体检' AND d.state = '已落实') AS checkups_done
    FROM build CROSS JOIN care_due AS d WHERE d.year = year(as_of) GROUP BY d.township_id
),
paid AS (
    SELECT s.org_id, count(*) AS subsidies_paid FROM build CROSS JOIN subsidies AS s
    WHERE year(s.paid_on) = year(as_of) AND s.paid_on <= as_of GROUP BY s.org_id
)
SELECT o.org_id, o.short_name AS org_name, coalesce(l.hardship, 0) AS hardship, coalesce(l.former, 0) AS former,
    coalesce(d.visits_asked, 0) AS visits_asked, coalesce(d.visits_done, 0) AS visits_done,
    coalesce(d.checkups_asked, 0) AS checkups_asked, coalesce(d.checkups_done, 0) AS checkups_done, coalesce(p.subsidies_paid, 0) AS subsidies_paid
FROM organisations AS o SEMI JOIN (SELECT DISTINCT township_id AS org_id FROM villages) AS t ON t.org_id = o.org_id
LEFT JOIN ledgers AS l ON l.org_id = o.org_id LEFT JOIN due AS d ON d.org_id = o.org_id LEFT JOIN paid AS p ON p.org_id = o.org_id
