/*
title: 在任书记
description: 基准日在任的每名书记；公开版只有已经公布的。
rows:
  public: tenure_id IN (SELECT tenure_id FROM published_tenures)
fields:
  tenure_id: {title: 任职编号, sensitivity: public}
  person_id: {title: 人员编号, sensitivity: public}
  name: {title: 姓名, sensitivity: public}
  pinyin: {title: 姓名拼音, sensitivity: public}
  village_id: {title: 村（社区）编号, sensitivity: public}
  village_name: {title: 村（社区）, sensitivity: public}
  village_code: {title: 区划代码, sensitivity: public}
  village_kind: {title: 类别, sensitivity: public}
  party_org_name: {title: 党组织全称, sensitivity: public}
  township_id: {title: 乡镇（街道）编号, sensitivity: public}
  township_name: {title: 乡镇（街道）, sensitivity: public}
  township_order: {title: 乡镇（街道）次序, sensitivity: public}
  sex: {title: 性别, sensitivity: public}
  ethnic_group: {title: 民族, sensitivity: public}
  birth_month: {title: 出生年月, sensitivity: public}
  age: {title: 周岁, sensitivity: public}
  education: {title: 最高学历, sensitivity: public}
  education_full_time: {title: 全日制学历, sensitivity: public}
  education_in_service: {title: 在职学历, sensitivity: public}
  term: {title: 届次, sensitivity: public}
  started_on: {title: 任职日期, sensitivity: public}
  concurrent: {title: “一肩挑”, description: 兼任村（居）委会主任，且该任职已经公布。, sensitivity: public}
  concurrent_actual: {title: “一肩挑”（含未公布）, sensitivity: internal}
  first_started_on: {title: 首次任书记日期, sensitivity: internal}
  serve_years: {title: 任书记年限, sensitivity: internal}
  is_new: {title: 是否首次任书记, sensitivity: internal}
  party_years: {title: 党龄, sensitivity: internal}
  party_joined: {title: 入党时间, sensitivity: internal}
  channel: {title: 来源渠道, sensitivity: internal}
  channel_note: {title: 来源说明, sensitivity: internal}
  origin: {title: 产生方式, sensitivity: internal}
  exemption: {title: 不实行“一肩挑”理由, sensitivity: internal}
  exemption_document: {title: 不实行“一肩挑”批准文号, sensitivity: internal}
  days_in_office: {title: 本段任职天数, sensitivity: internal}
  term_ends_on: {title: 本届任期届满日期, sensitivity: internal}
  published: {title: 是否已公布, sensitivity: internal}
*/
WITH published_head AS (
    SELECT DISTINCT t.person_id, t.village_id
    FROM tenures AS t SEMI JOIN published_tenures USING (tenure_id), build
    WHERE t.post = '村（居）委会主任' AND in_office(t.started_on, t.ended_on, as_of)
)
SELECT s.tenure_id, s.person_id, p.name, p.pinyin, s.village_id, v.name AS village_name, v.code AS village_code,
    v.kind AS village_kind, v.party_org_name, s.township_id, o.short_name AS township_name, o.sort_order AS township_order,
    p.sex, p.ethnic_group, p.birth[:7] AS birth_month, s.age, s.education,
    p.education_full_time_level::VARCHAR AS education_full_time, p.education_in_service_level::VARCHAR AS education_in_service,
    t.term, t.started_on,
    h.person_id IS NOT NULL AS concurrent, s.concurrent AS concurrent_actual,
    b.first_started_on, s.serve_years, b.is_new, s.party_years, p.party_joined, s.channel, t.channel_note, t.origin,
    t.exemption, t.exemption_document,
    date_diff('day', t.started_on, s.reference_date) AS days_in_office,
    -- Who came between two general elections stays until the next.
    least((t.started_on + to_years(param_count('party_term_years', t.started_on)))::DATE,
        (r.ended_on + to_years(TRY_CAST(r.party_term_years AS SMALLINT)::INTEGER))::DATE) AS term_ends_on,
    s.tenure_id IN (SELECT tenure_id FROM published_tenures) AS published
FROM secretaries_at AS s
JOIN build ON s.reference_date = build.as_of
JOIN tenures AS t USING (tenure_id)
JOIN secretary_tenures AS b USING (tenure_id)
LEFT JOIN terms AS r ON r.term = t.term
LEFT JOIN people AS p ON p.person_id = s.person_id
LEFT JOIN villages AS v ON v.village_id = s.village_id
LEFT JOIN organisations AS o ON o.org_id = s.township_id
LEFT JOIN published_head AS h ON h.person_id = s.person_id AND h.village_id = s.village_id
