/*
title: 花名册
description: 每个乡镇（街道）的村（社区）和截至基准日在任的书记。任职尚未公布的，书记各栏留空。
fields:
  township_id: {title: 乡镇（街道）编号, sensitivity: public}
  village_id: {title: 村（社区）编号, sensitivity: public}
  code: {title: 统计用区划代码, sensitivity: public}
  village_name: {title: 村（社区）, sensitivity: public}
  party_org_name: {title: 党组织全称, sensitivity: public}
  person_id: {title: 人员编号, sensitivity: public}
  name: {title: 姓名, sensitivity: public}
  sex: {title: 性别, sensitivity: public}
  ethnic_group: {title: 民族, sensitivity: public}
  birth_month: {title: 出生年月, sensitivity: public}
  education: {title: 学历, sensitivity: public}
  started_on: {title: 任职日期, sensitivity: public}
  concurrent: {title: 是否“一肩挑”, sensitivity: public}
*/
-- Only what has been published: the roster hangs on a wall. Of the birth date only year and month are public.
WITH published AS (
    SELECT t.* FROM tenures AS t SEMI JOIN published_tenures USING (tenure_id), build AS b
    WHERE in_office(t.started_on, t.ended_on, b.as_of)
)
SELECT v.township_id, v.village_id, v.code, v.name AS village_name, v.party_org_name,
    s.person_id, p.name, p.sex, p.ethnic_group, left(p.birth, 7) AS birth_month,
    highest_education(p.education_full_time_level, p.education_in_service_level)::VARCHAR AS education,
    s.started_on,
    CASE WHEN s.person_id IS NOT NULL THEN EXISTS (
        SELECT * FROM published AS h
        WHERE h.person_id = s.person_id AND h.village_id = v.village_id AND h.post = '村（居）委会主任'
    ) END AS concurrent
FROM villages AS v
CROSS JOIN build AS b
LEFT JOIN published AS s ON s.village_id = v.village_id AND s.post = '党组织书记'
LEFT JOIN people AS p ON p.person_id = s.person_id
WHERE in_office(v.valid_from, v.valid_to, b.as_of)
