/*
title: 村（社区）现状
description: 每个村（社区）在基准日是否在用、有没有书记、空缺多久、是否“一肩挑”、有几件备案在办。
fields:
  village_id: {title: 村（社区）编号, sensitivity: public}
  name: {title: 名称, sensitivity: public}
  code: {title: 区划代码, sensitivity: public}
  kind: {title: 类别, sensitivity: public}
  township_id: {title: 乡镇（街道）编号, sensitivity: public}
  township_name: {title: 乡镇（街道）, sensitivity: public}
  township_order: {title: 乡镇（街道）次序, sensitivity: public}
  party_org_name: {title: 党组织全称, sensitivity: public}
  valid: {title: 是否在用, sensitivity: public}
  successor: {title: 并入的村（社区）, sensitivity: public}
  successor_name: {title: 并入的村（社区）名称, sensitivity: public}
  tenure_id: {title: 现任书记任职编号, sensitivity: internal}
  person_id: {title: 现任书记编号, sensitivity: internal}
  secretary_name: {title: 现任书记, sensitivity: internal}
  vacant: {title: 是否空缺, sensitivity: internal}
  vacant_from: {title: 空缺开始, sensitivity: internal}
  vacancy_days: {title: 空缺天数, sensitivity: internal}
  vacancy_limit: {title: 空缺最长天数, sensitivity: internal}
  vacancy_due_on: {title: 补充期限, sensitivity: internal}
  concurrent: {title: 是否“一肩挑”, sensitivity: internal}
  exemption: {title: 不实行“一肩挑”理由, sensitivity: internal}
  exemption_document: {title: 不实行“一肩挑”批准文号, sensitivity: internal}
  secretaries: {title: 历任书记任次, sensitivity: internal}
  open_filings: {title: 在办备案, sensitivity: internal}
  overdue_filings: {title: 超期备案, sensitivity: internal}
*/
WITH secretary AS (
    SELECT village_id, any_value(tenure_id) AS tenure_id, any_value(person_id) AS person_id, any_value(name) AS name,
        bool_or(concurrent_actual) AS concurrent, any_value(exemption) AS exemption,
        any_value(exemption_document) AS exemption_document
    FROM current_secretaries GROUP BY village_id
), filing AS (
    SELECT village_id, count(*) FILTER (WHERE open) AS open_filings, count(*) FILTER (WHERE overdue) AS overdue_filings
    FROM filing_status GROUP BY village_id
), history AS (
    SELECT village_id, count(*) AS secretaries FROM secretary_history GROUP BY village_id
)
SELECT v.village_id, v.name, v.code, v.kind, v.township_id, o.short_name AS township_name, o.sort_order AS township_order,
    v.party_org_name,
    in_office(v.valid_from, v.valid_to, as_of) AS valid,
    v.successor, n.name AS successor_name,
    s.tenure_id, s.person_id, s.name AS secretary_name,
    g.village_id IS NOT NULL AND s.tenure_id IS NULL AND in_office(v.valid_from, v.valid_to, as_of) AS vacant,
    g.vacant_from, g.days AS vacancy_days, g.limit_days AS vacancy_limit, g.due_on AS vacancy_due_on,
    s.concurrent, s.exemption, s.exemption_document,
    coalesce(h.secretaries, 0) AS secretaries,
    coalesce(f.open_filings, 0) AS open_filings, coalesce(f.overdue_filings, 0) AS overdue_filings
FROM villages AS v
CROSS JOIN build
LEFT JOIN organisations AS o ON o.org_id = v.township_id
LEFT JOIN villages AS n ON n.village_id = v.successor
LEFT JOIN secretary AS s ON s.village_id = v.village_id
LEFT JOIN vacancies AS g ON g.village_id = v.village_id AND g.vacant_to IS NULL
LEFT JOIN filing AS f ON f.village_id = v.village_id
LEFT JOIN history AS h ON h.village_id = v.village_id
