/*
title: 本月变更
fields:
  member: {title: 代号, sensitivity: internal}
  city: {title: 市（州）, sensitivity: internal}
  month: {title: 月份, sensitivity: internal}
  table_title: {title: 登记表, sensitivity: internal}
  action: {title: 变更方式, sensitivity: internal}
  records: {title: 记录数, sensitivity: internal}
*/
SELECT c.member, m.title AS city, c.month, c.table_title, c.action, sum(c.records)::BIGINT AS records
FROM city_changes AS c JOIN members AS m ON m.name = c.member, build AS b
WHERE c.day >= date_trunc('month', b.as_of) AND c.day <= b.as_of
GROUP BY c.member, m.title, c.month, c.table_title, c.action
