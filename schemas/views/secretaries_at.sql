/*
title: 各时点在任书记
description: 每个统计时点在任的每名书记，和按该时点计算的周岁、任职年限、党龄等。
fields:
  reference_date: {title: 统计时点, sensitivity: internal}
  tenure_id: {title: 任职编号, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  sex: {title: 性别, sensitivity: internal}
  minority: {title: 是否少数民族, sensitivity: internal}
  age: {title: 周岁, sensitivity: internal}
  education: {title: 最高学历, sensitivity: internal}
  senior: {title: 是否高中以上, sensitivity: internal}
  college: {title: 是否大专以上, sensitivity: internal}
  channel: {title: 来源渠道, sensitivity: internal}
  concurrent: {title: 是否“一肩挑”, sensitivity: internal}
  serve_years: {title: 任书记年限, sensitivity: internal}
  party_years: {title: 党龄, sensitivity: internal}
*/
WITH secretary AS (
    SELECT d.reference_date, s.*
    FROM secretary_tenures AS s JOIN reference_dates AS d ON in_office(s.started_on, s.ended_on, d.reference_date)
), head AS (
    SELECT DISTINCT d.reference_date, t.person_id, t.village_id
    FROM tenures AS t JOIN reference_dates AS d ON in_office(t.started_on, t.ended_on, d.reference_date)
    WHERE t.post = '村（居）委会主任'
)
SELECT s.reference_date, s.tenure_id, s.person_id, s.village_id, s.township_id,
    p.sex,
    p.ethnic_group <> '汉族' AS minority,
    age_on(p.birth, s.reference_date) AS age,
    highest_education(p.education_full_time_level, p.education_in_service_level)::VARCHAR AS education,
    highest_education(p.education_full_time_level, p.education_in_service_level) >= '高中'::education AS senior,
    highest_education(p.education_full_time_level, p.education_in_service_level) >= '大专'::education AS college,
    t.channel,
    h.person_id IS NOT NULL AS concurrent,
    years_between(s.first_started_on, s.reference_date) AS serve_years,
    -- 党龄 runs from full membership; where that day is not recorded, from admission.
    years_between(first_day(coalesce(p.party_confirmed, p.party_joined)), s.reference_date) AS party_years
FROM secretary AS s
JOIN tenures AS t USING (tenure_id)
LEFT JOIN people AS p ON p.person_id = s.person_id
LEFT JOIN head AS h ON h.reference_date = s.reference_date AND h.person_id = s.person_id AND h.village_id = s.village_id
