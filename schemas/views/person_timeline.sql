/*
title: 个人大事记
description: 每个人到基准日为止的任免、备案、选任、培训、考核、审计、调整、激励、后备、派驻和荣誉，按日期排成一列；公开版只有已公布任职的起止。
rows:
  public: tenure_id IN (SELECT tenure_id FROM published_tenures)
fields:
  person_id: {title: 人员编号, sensitivity: public}
  date: {title: 日期, description: 只有年月的按当月第一天排列。, sensitivity: public}
  date_text: {title: 日期（原样）, sensitivity: public}
  kind: {title: 类别, sensitivity: public}
  title: {title: 事项, sensitivity: public}
  village_id: {title: 村（社区）编号, sensitivity: public}
  village_name: {title: 村（社区）, sensitivity: public}
  tenure_id: {title: 任职编号, sensitivity: public}
  detail: {title: 说明, sensitivity: internal}
  system: {title: 所属机制, sensitivity: internal}
  table_name: {title: 所在表, sensitivity: internal}
  record_key: {title: 记录编号, sensitivity: internal}
  ordinal: {title: 次序, sensitivity: internal}
*/
WITH event AS (
    SELECT person_id, started_on::VARCHAR AS date_text, 'M0' AS system, '任职' AS kind, '任' || post AS title,
        nullif(concat_ws('，', origin, channel, document), '') AS detail, village_id, 'tenures' AS table_name,
        tenure_id AS record_key, tenure_id
    FROM tenures
    UNION ALL
    SELECT person_id, ended_on::VARCHAR, 'M0', '离任', '不再担任' || post, nullif(concat_ws('，', end_reason, end_document), ''),
        village_id, 'tenures', tenure_id, tenure_id
    FROM tenures WHERE ended_on IS NOT NULL
    UNION ALL
    SELECT person_id, filed_on::VARCHAR, 'M0', '备案', kind || '准予备案', nullif(concat_ws('，', filing_number, document_number), ''),
        village_id, 'filings', filing_id, NULL
    FROM filing_status WHERE filed_on IS NOT NULL
    UNION ALL
    SELECT person_id, decided_on::VARCHAR, 'M0', '备案', kind || '不予备案', document_number, village_id, 'filings', filing_id, NULL
    FROM filing_status WHERE decision = '不予备案'
    UNION ALL
    SELECT c.person_id, c.confirmed_on::VARCHAR, 'M1', '选任', '确定为' || c.post || '候选人', e.kind || '，' || c.status, e.village_id,
        'elections', e.election_id, NULL
    FROM election_candidates AS c JOIN elections AS e USING (election_id) WHERE c.confirmed_on IS NOT NULL
    UNION ALL
    SELECT r.person_id, d.date_text, 'M6', '后备', d.title, r.duty, r.village_id, 'reserve', r.reserve_id, NULL
    FROM reserve AS r, LATERAL (VALUES
        (r.entered_on::VARCHAR, '列入后备力量'),
        (r.member_on::VARCHAR, '由致富能手发展为党员'),
        (r.cadre_on::VARCHAR, '由党员致富能手培养为村干部'),
        (r.secretary_on::VARCHAR, '由村干部培养为村党组织书记'),
        (r.exited_on::VARCHAR, '退出后备力量')
    ) AS d (date_text, title)
    UNION ALL
    SELECT a.person_id, c.ended_on::VARCHAR, 'M7', '培训', '参加' || c.title, a.result || '，' || as_figure(a.days) || '天', NULL,
        'training_classes', c.class_id, NULL
    FROM attendance AS a JOIN training_classes AS c USING (class_id)
    UNION ALL
    SELECT person_id, decided_on::VARCHAR, 'M10', '考核', year || '年度考核：' || grade, '得分' || as_figure(score), village_id,
        'appraisals', appraisal_id, NULL
    FROM appraisals WHERE grade IS NOT NULL
    UNION ALL
    SELECT person_id, reported_on::VARCHAR, 'M12', '审计', kind || '：' || coalesce(conclusion, '未下结论'), document, village_id,
        'audits', audit_id, NULL
    FROM audits
    UNION ALL
    SELECT person_id, coalesce(decided_on, opened_on)::VARCHAR, 'M13', '调整',
        CASE WHEN tier IS NULL THEN '启动不合格书记调整' ELSE '不合格书记调整：' || tier END, document, village_id,
        'adjustments', adjustment_id, NULL
    FROM adjustments
    UNION ALL
    SELECT person_id, coalesce(decided_on, recommended_on)::VARCHAR, 'M15', '激励', kind || '：' || result, document, village_id,
        'advancement', advancement_id, NULL
    FROM advancement
    UNION ALL
    SELECT person_id, started_on::VARCHAR, 'M5', '派驻', '到任第一书记', unit_post, village_id, 'first_secretaries',
        first_secretary_id, NULL
    FROM first_secretaries
    UNION ALL
    SELECT person_id, ended_on::VARCHAR, 'M5', '派驻', '不再担任第一书记', end_reason, village_id, 'first_secretaries',
        first_secretary_id, NULL
    FROM first_secretaries
    UNION ALL
    SELECT person_id, granted_on, 'M15', '荣誉', '获' || title, nullif(concat_ws('，', granted_by, document), ''), NULL,
        'person_honours', person_id || '/' || ordinal, NULL
    FROM person_honours
)
SELECT e.person_id, first_day(e.date_text) AS date, e.date_text, e.kind, called(e.title, w.committee, w.party_org_type) AS title, e.village_id, w.village_name, e.tenure_id,
    called(e.detail, w.committee, w.party_org_type) AS detail, e.system, e.table_name, e.record_key,
    row_number() OVER (PARTITION BY e.person_id ORDER BY first_day(e.date_text), e.system, e.record_key, e.kind, e.title, e.detail) AS ordinal
FROM event AS e LEFT JOIN village_names AS w ON w.village_id = e.village_id AND latest_day(e.date_text) BETWEEN w.since AND w.until, build
WHERE first_day(e.date_text) <= as_of
