/*
title: 变更汇总
description: 变更明细中一次提交对同一项所作的大批改动合成一行，其余照列，供按月、按乡镇的变更页使用。
fields:
  ordinal: {title: 次序, sensitivity: internal}
  month: {title: 月份, sensitivity: internal}
  day: {title: 日期, sensitivity: internal}
  commit: {title: 提交, sensitivity: internal}
  author: {title: 提交人, sensitivity: internal}
  org_id: {title: 机构编号, sensitivity: internal}
  place: {title: 乡镇（街道）, sensitivity: internal}
  table_title: {title: 登记表, sensitivity: internal}
  root_table: {title: 所属登记表, sensitivity: internal}
  root_key: {title: 记录编号, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  about: {title: 对象, sensitivity: internal}
  action: {title: 变更方式, sensitivity: internal}
  item: {title: 项目, sensitivity: internal}
  before: {title: 原值, sensitivity: internal}
  after: {title: 新值, sensitivity: internal}
  document: {title: 依据, sensitivity: internal}
  document_filing: {title: 依据的备案, sensitivity: internal}
  records: {title: 记录数, sensitivity: internal}
*/
-- Past ten alike, a reader learns nothing more from the eleventh; each stands on the page of its own record.
WITH parted AS (
    SELECT *, regexp_replace(item, '(第[0-9]+(至[0-9]+)?|共[0-9]+)项', '') AS sort_of_item FROM change_log
), counted AS (
    SELECT *, count(*) OVER (PARTITION BY commit, place, table_name, action, sort_of_item) AS alike,
        count(DISTINCT (coalesce(before, ''), coalesce(after, ''))) OVER (PARTITION BY commit, place, table_name, action, sort_of_item) AS ways
    FROM parted
)
SELECT ordinal, month, day, commit, author, org_id, place, table_title, root_table, root_key, person_id, village_id, about,
    action, item, before, after, document, document_filing, 1 AS records
FROM counted WHERE alike <= 10
UNION ALL BY NAME
SELECT max(ordinal) AS ordinal, any_value(month) AS month, any_value(day) AS day, commit, any_value(author) AS author, min(org_id) AS org_id, place,
    any_value(table_title) AS table_title, any_value(root_table) AS root_table, '共' || count(DISTINCT root_key) || '条记录' AS about,
    action, sort_of_item AS item,
    CASE WHEN any_value(ways) = 1 THEN any_value(before) WHEN action = '修改' THEN '（各不相同）' END AS before,
    CASE WHEN any_value(ways) = 1 THEN any_value(after) WHEN action = '修改' THEN '（各不相同）' END AS after,
    CASE WHEN count(DISTINCT document) = 1 THEN any_value(document) END AS document, count(DISTINCT root_key) AS records
FROM counted WHERE alike > 10
GROUP BY commit, place, table_name, action, sort_of_item
