/*
title: 班子统计
description: 每个村（社区）、乡镇（街道）和全市的班子职数、性别、年龄、学历和党员；一人兼任几职的按一人计。
erased: counted
fields:
  scope: {title: 范围, description: 村、乡镇或者全市。, sensitivity: internal}
  org_id: {title: 机构编号, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  name: {title: 名称, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  places: {title: 村（社区）数, sensitivity: internal}
  persons: {title: 人数, sensitivity: internal}
  posts: {title: 职数, description: 三个组织的成员数，兼任的各计一次。, sensitivity: internal}
  party_body: {title: 党组织成员, sensitivity: internal}
  committee: {title: 村（居）委会成员, sensitivity: internal}
  supervision: {title: 村务监督委员会成员, sensitivity: internal}
  crossed: {title: 交叉任职, description: 同时是党组织和村（居）委会成员的。, sensitivity: internal}
  women: {title: 女, sensitivity: internal}
  committee_women: {title: 村（居）委会妇女成员, sensitivity: internal}
  young: {title: 年轻干部, sensitivity: internal}
  average_age: {title: 平均年龄, sensitivity: internal}
  college: {title: 大专以上, sensitivity: internal}
  party_members: {title: 党员, sensitivity: internal}
  without_women: {title: 没有妇女成员的村（居）委会, sensitivity: internal}
*/
-- An average is of persons, so the levels are counted from the persons and not from one another.
WITH member AS (
    SELECT m.*, count(*) FILTER (m.committee) OVER place AS committee_size, count(*) FILTER (m.committee AND m.sex = '女') OVER place AS committee_women
    FROM team_members AS m WINDOW place AS (PARTITION BY m.village_id)
),
scoped AS (
    SELECT '村' AS scope, NULL AS org_id, m.village_id AS in_village, m.* FROM member AS m
    UNION ALL
    SELECT CASE WHEN o.parent IS NULL THEN '全市' ELSE '乡镇' END, o.org_id, NULL, m.*
    FROM member AS m JOIN offices AS f ON f.township_id = m.township_id JOIN organisations AS o ON o.org_id = f.org_id
)
SELECT s.scope, s.org_id, s.in_village AS village_id, coalesce(any_value(v.name), CASE WHEN s.scope = '全市' THEN '全市' ELSE any_value(o.short_name) END) AS name,
    CASE WHEN s.scope <> '全市' THEN any_value(s.township_id) END AS township_id, count(DISTINCT s.village_id) AS places, count(*) AS persons,
    count(*) FILTER (s.party_body) + count(*) FILTER (s.committee) + count(*) FILTER (s.supervision) AS posts,
    count(*) FILTER (s.party_body) AS party_body, count(*) FILTER (s.committee) AS committee, count(*) FILTER (s.supervision) AS supervision,
    count(*) FILTER (s.party_body AND s.committee) AS crossed, count(*) FILTER (s.sex = '女') AS women,
    count(*) FILTER (s.committee AND s.sex = '女') AS committee_women, count(*) FILTER (s.young) AS young, rounded(avg(s.age), 1) AS average_age,
    count(*) FILTER (s.college) AS college, count(*) FILTER (s.party_member) AS party_members,
    count(DISTINCT s.village_id) FILTER (s.committee_size >= 3 AND s.committee_women = 0) AS without_women
FROM scoped AS s LEFT JOIN villages AS v ON v.village_id = s.in_village LEFT JOIN organisations AS o ON o.org_id = s.org_id
GROUP BY s.scope, s.org_id, s.in_village
