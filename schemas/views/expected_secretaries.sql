/*
title: 预计书记
description: 正在选任的村（社区），候选人名单第一名都当选以后的书记；没有选任的是现任书记。年龄等按基准日，换届期间按换届统计时点。
fields:
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  source: {title: 来源, description: 现任、候选人或者空缺。, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  person_name: {title: 姓名, sensitivity: internal}
  election_id: {title: 选任编号, sensitivity: internal}
  counted_on: {title: 计算日期, sensitivity: internal}
  sex: {title: 性别, sensitivity: internal}
  minority: {title: 是否少数民族, sensitivity: internal}
  age: {title: 周岁, sensitivity: internal}
  senior: {title: 是否高中以上, sensitivity: internal}
  college: {title: 是否大专以上, sensitivity: internal}
  concurrent: {title: 是否“一肩挑”, sensitivity: internal}
*/
WITH day AS (
    SELECT as_of, (SELECT greatest(as_of, arg_max(reference_date, started_on)) FROM terms WHERE started_on <= as_of AND ended_on >= as_of) AS in_term
    FROM build
),
-- Of more candidates than seats the list's first counts; who has been elected but is not yet in office counts as well.
named AS (
    SELECT e.village_id, c.post, arg_max(e.election_id, (e.started_on, e.election_id)) AS election_id, arg_max(c.person_id, (e.started_on, e.election_id, -c.ordinal)) AS person_id
    FROM day CROSS JOIN election_summary AS e JOIN election_candidates AS c USING (election_id)
    WHERE c.post IN ('党组织书记', '村（居）委会主任') AND c.status NOT IN ('退出', '取消资格')
      -- Who will be struck off later is not known yet; who is confirmed later is not named yet.
      AND (c.confirmed_on <= as_of OR (c.confirmed_on IS NULL AND c.status = '候选'))
      AND (e.outcome = '进行中' OR (e.outcome = '成功' AND c.status = '当选' AND e.tenure_started_on > as_of))
    GROUP BY e.village_id, c.post
),
sitting AS (
    SELECT t.village_id, t.post, max(t.person_id) AS person_id FROM day CROSS JOIN tenures AS t
    WHERE in_office(t.started_on, t.ended_on, as_of) AND t.post IN ('党组织书记', '村（居）委会主任') GROUP BY t.village_id, t.post
)
SELECT v.village_id, v.name AS village_name, v.township_id,
    CASE WHEN n.person_id IS NOT NULL THEN '候选人' WHEN s.person_id IS NOT NULL THEN '现任' ELSE '空缺' END AS source,
    p.person_id, p.name AS person_name, n.election_id, coalesce(in_term, as_of) AS counted_on, p.sex, p.ethnic_group <> '汉族' AS minority,
    age_on(p.birth, coalesce(in_term, as_of)) AS age,
    highest_education(p.education_full_time_level, p.education_in_service_level) >= '高中'::education AS senior,
    highest_education(p.education_full_time_level, p.education_in_service_level) >= '大专'::education AS college,
    p.person_id = coalesce(m.person_id, h.person_id) AS concurrent
FROM day JOIN villages AS v ON in_office(v.valid_from, v.valid_to, as_of)
LEFT JOIN named AS n ON n.village_id = v.village_id AND n.post = '党组织书记'
LEFT JOIN named AS m ON m.village_id = v.village_id AND m.post = '村（居）委会主任'
LEFT JOIN sitting AS s ON s.village_id = v.village_id AND s.post = '党组织书记'
LEFT JOIN sitting AS h ON h.village_id = v.village_id AND h.post = '村（居）委会主任'
LEFT JOIN people AS p ON p.person_id = coalesce(n.person_id, s.person_id)
