/*
title: 待办
description: 到期或者将要到期的事项：在办的备案、应备未备的任免、书记空缺，按承办机构。
fields:
  system: {title: 所属机制, sensitivity: internal}
  kind: {title: 事项类别, sensitivity: internal}
  title: {title: 事项, sensitivity: internal}
  org_id: {title: 承办机构编号, sensitivity: internal}
  org_name: {title: 承办机构, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  filing_id: {title: 备案事项编号, sensitivity: internal}
  due_on: {title: 期限, sensitivity: internal}
  overdue: {title: 是否超期, sensitivity: internal}
  days_left: {title: 剩余天数, description: 负数为已超期的天数。, sensitivity: internal}
  table_name: {title: 所在表, sensitivity: internal}
  record_key: {title: 记录编号, sensitivity: internal}
*/
WITH item AS (
    SELECT 'M0' AS system, '备案在办' AS kind,
        village_name || ' ' || coalesce(person_name, person_id) || '的' || kind || '，现为“' || state || '”' AS title,
        next_org_id AS org_id, township_id, village_id, village_name, person_id, filing_id, due_on,
        'filings' AS table_name, filing_id AS record_key
    FROM filing_status WHERE open
    UNION ALL
    SELECT 'M0', '应备未备',
        d.village_name || ' ' || coalesce(p.name, d.person_id) || day_in_words(d.event_date) || d.change
            || '，应报' || array_to_string(d.kinds, '或者'),
        d.township_id, d.township_id, d.village_id, d.village_name, d.person_id, NULL, d.due_on, 'tenures', d.tenure_id
    FROM filing_duties AS d LEFT JOIN people AS p USING (person_id) WHERE d.missing
    UNION ALL
    SELECT 'M1', '书记空缺', village_name || '书记自' || day_in_words(vacant_from) || '起空缺' || days || '天',
        township_id, township_id, village_id, village_name, NULL, NULL, due_on, 'villages', village_id
    FROM vacancies WHERE vacant_to IS NULL
)
SELECT i.system, i.kind, i.title, i.org_id, o.short_name AS org_name, i.township_id, i.village_id, i.village_name,
    i.person_id, i.filing_id, i.due_on,
    coalesce(as_of > i.due_on, false) AS overdue,
    date_diff('day', as_of, i.due_on) AS days_left,
    i.table_name, i.record_key
FROM item AS i LEFT JOIN organisations AS o USING (org_id), build
ORDER BY i.due_on NULLS LAST, i.record_key
