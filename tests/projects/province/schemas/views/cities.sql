/*
title: 各市并列
fields:
  member: {title: 代号, sensitivity: internal}
  city: {title: 市（州）, sensitivity: internal}
  code: {title: 区划代码, sensitivity: internal}
  villages: {title: 村, sensitivity: internal}
  communities: {title: 社区, sensitivity: internal}
  secretaries: {title: 在任书记, sensitivity: internal}
  vacant: {title: 空缺, sensitivity: internal}
  vacant_over: {title: 空缺超期, sensitivity: internal}
  filings_this_year: {title: 本年准予备案, sensitivity: internal}
  filings_overdue: {title: 超期备案, sensitivity: internal}
  first_secretaries: {title: 在岗第一书记, sensitivity: internal}
  errors: {title: 错误, sensitivity: internal}
  warnings: {title: 提醒, sensitivity: internal}
  as_of: {title: 数据基准日, sensitivity: internal}
  commit_date: {title: 最近提交, sensitivity: internal}
*/
SELECT m.name AS member, m.title AS city, m.code, f.villages, f.communities, f.secretaries, f.vacant, f.vacant_over, f.filings_this_year, f.filings_overdue,
    coalesce(s.posted, 0) AS first_secretaries, coalesce(q.errors, 0) AS errors, coalesce(q.warnings, 0) AS warnings, p.as_of, p.commit_date
FROM members AS m
LEFT JOIN packages AS p ON p.member = m.name
LEFT JOIN figures AS f ON f.member = m.name AND f.whole
LEFT JOIN (SELECT member, count(*) FILTER (in_post) AS posted FROM first_secretaries GROUP BY member) AS s ON s.member = m.name
LEFT JOIN (
    SELECT member, sum(findings) FILTER (severity = 'error') AS errors, sum(findings) FILTER (severity = 'warning') AS warnings
    FROM finding_counts GROUP BY member
) AS q ON q.member = m.name
