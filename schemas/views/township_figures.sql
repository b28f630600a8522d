/*
title: 乡镇（街道）情况
description: 每个乡镇（街道）和全市在基准日的村数、书记数、空缺、结构和备案办理情况。
compare: {by: [org_name], figures: [villages, communities, secretaries, average_age, vacant, vacant_over, filings_this_year, filings_open, filings_overdue, filings_missing, reserve], alarm: [villages, communities, secretaries, vacant, filings_missing]}
fields:
  org_id: {title: 机构编号, sensitivity: public}
  org_name: {title: 乡镇（街道）, sensitivity: public}
  type: {title: 类型, sensitivity: public}
  whole: {title: 是否全市, sensitivity: public}
  sort_order: {title: 排列次序, sensitivity: public}
  villages: {title: 村, sensitivity: public}
  communities: {title: 社区, sensitivity: public}
  secretaries: {title: 在任书记, sensitivity: public}
  village_secretaries: {title: 村书记, sensitivity: public}
  community_secretaries: {title: 社区书记, sensitivity: public}
  concurrent: {title: “一肩挑”人数, sensitivity: public, unless: few}
  concurrent_share: {title: “一肩挑”占比（%）, sensitivity: public, unless: few}
  women: {title: 女书记, sensitivity: public, unless: few}
  average_age: {title: 平均年龄, sensitivity: public}
  youngest: {title: 最低年龄段人数, description: 政策所分年龄段中最低的一段，现为45岁以下。, sensitivity: public, unless: few}
  youngest_share: {title: 最低年龄段占比（%）, sensitivity: public, unless: few}
  oldest: {title: 最高年龄段人数, sensitivity: public, unless: few}
  senior: {title: 高中以上, sensitivity: public, unless: few}
  senior_share: {title: 高中以上占比（%）, sensitivity: public, unless: few}
  college: {title: 大专以上, sensitivity: public, unless: few}
  college_share: {title: 大专以上占比（%）, sensitivity: public, unless: few}
  few: {title: 是否不足以公开, sensitivity: internal}
  newcomers: {title: 首次任书记人数, sensitivity: internal}
  vacant: {title: 空缺, sensitivity: internal}
  vacant_over: {title: 空缺超期, sensitivity: internal}
  filings_this_year: {title: 本年准予备案, sensitivity: internal}
  filings_open: {title: 在办备案, sensitivity: internal}
  filings_overdue: {title: 超期备案, sensitivity: internal}
  filings_missing: {title: 应备未备, sensitivity: internal}
  reserve: {title: 在库后备, sensitivity: internal}
*/
WITH band AS (
    SELECT arg_min(item, ordinal) AS youngest, arg_max(item, ordinal) AS oldest
    FROM structure_items, build WHERE reference_date = as_of AND dimension = '年龄'
), village AS (
    SELECT o.org_id, count(*) FILTER (WHERE s.kind = '村') AS villages, count(*) FILTER (WHERE s.kind = '社区') AS communities,
        count(*) FILTER (WHERE s.vacant) AS vacant,
        count(*) FILTER (WHERE s.vacant AND s.vacancy_days > s.vacancy_limit) AS vacant_over
    FROM village_status AS s JOIN offices AS o USING (township_id) WHERE s.valid GROUP BY ALL
), shape AS (
    SELECT org_id,
        max(persons) FILTER (WHERE item = 'concurrent') AS concurrent, max(share) FILTER (WHERE item = 'concurrent') AS concurrent_share,
        max(persons) FILTER (WHERE item = 'female') AS women,
        max(persons) FILTER (WHERE item = youngest) AS youngest, max(share) FILTER (WHERE item = youngest) AS youngest_share,
        max(persons) FILTER (WHERE item = oldest) AS oldest,
        max(persons) FILTER (WHERE item = 'edu_senior') AS senior, max(share) FILTER (WHERE item = 'edu_senior') AS senior_share,
        max(persons) FILTER (WHERE item = 'edu_college') AS college, max(share) FILTER (WHERE item = 'edu_college') AS college_share,
        bool_or(few) FILTER (WHERE dimension IN ('年龄', '学历', '任职方式', '性别')) AS few
    FROM structure, band WHERE is_now GROUP BY ALL
), person AS (
    SELECT o.org_id, count(*) AS secretaries, rounded(avg(c.age), 1) AS average_age, count(*) FILTER (WHERE c.is_new) AS newcomers,
        count(*) FILTER (WHERE c.village_kind = '村') AS village_secretaries, count(*) FILTER (WHERE c.village_kind = '社区') AS community_secretaries
    FROM current_secretaries AS c JOIN offices AS o USING (township_id) GROUP BY ALL
), filing AS (
    SELECT o.org_id, count(*) FILTER (WHERE f.open) AS filings_open, count(*) FILTER (WHERE f.overdue) AS filings_overdue,
        count(*) FILTER (WHERE year(f.filed_on) = year(as_of)) AS filings_this_year
    FROM filing_status AS f JOIN offices AS o USING (township_id), build GROUP BY ALL
), missing AS (
    SELECT o.org_id, count(*) FILTER (WHERE d.overdue) AS filings_missing
    FROM filing_duties AS d JOIN offices AS o USING (township_id) GROUP BY ALL
), reserved AS (
    SELECT o.org_id, count(*) AS persons
    FROM reserve AS r JOIN villages AS v USING (village_id) JOIN offices AS o USING (township_id), build
    WHERE in_office(r.entered_on, r.exited_on, as_of) GROUP BY ALL
)
SELECT s.org_id, s.org_name, g.type, s.whole, g.sort_order,
    coalesce(v.villages, 0) AS villages, coalesce(v.communities, 0) AS communities,
    coalesce(p.secretaries, 0) AS secretaries,
    coalesce(p.village_secretaries, 0) AS village_secretaries, coalesce(p.community_secretaries, 0) AS community_secretaries,
    h.concurrent, h.concurrent_share, h.women, p.average_age, h.youngest, h.youngest_share, h.oldest,
    h.senior, h.senior_share, h.college, h.college_share, h.few,
    coalesce(p.newcomers, 0) AS newcomers, coalesce(v.vacant, 0) AS vacant, coalesce(v.vacant_over, 0) AS vacant_over,
    coalesce(f.filings_this_year, 0) AS filings_this_year, coalesce(f.filings_open, 0) AS filings_open,
    coalesce(f.filings_overdue, 0) AS filings_overdue, coalesce(m.filings_missing, 0) AS filings_missing,
    coalesce(r.persons, 0) AS reserve
FROM (SELECT DISTINCT org_id, org_name, whole FROM structure) AS s
JOIN organisations AS g USING (org_id)
LEFT JOIN village AS v USING (org_id)
LEFT JOIN shape AS h USING (org_id)
LEFT JOIN person AS p USING (org_id)
LEFT JOIN filing AS f USING (org_id)
LEFT JOIN missing AS m USING (org_id)
LEFT JOIN reserved AS r USING (org_id)
