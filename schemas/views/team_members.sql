/*
title: 班子成员
description: 基准日在任的村（社区）党组织、村（居）委会、村务监督委员会成员，一人一行，兼任的职务合并。
fields:
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  name: {title: 姓名, sensitivity: internal}
  posts: {title: 职务, sensitivity: internal}
  since: {title: 任职日期, description: 几个职务先后任职的，是最早一个的日期。, sensitivity: internal}
  party_body: {title: 是否党组织成员, sensitivity: internal}
  committee: {title: 是否村（居）委会成员, sensitivity: internal}
  supervision: {title: 是否村务监督委员会成员, sensitivity: internal}
  rank: {title: 排列次序, sensitivity: internal}
  sex: {title: 性别, sensitivity: internal}
  age: {title: 周岁, sensitivity: internal}
  education: {title: 学历, sensitivity: internal}
  college: {title: 是否大专以上, sensitivity: internal}
  party_member: {title: 是否党员, sensitivity: internal}
  young: {title: 是否年轻干部, description: 不超过文件规定的年龄。, sensitivity: internal}
*/
-- Who holds posts in two bodies is one person. Members of the supervision committee need not be in the register of people.
WITH held AS (
    SELECT t.village_id, t.person_id AS who, t.person_id, t.started_on AS since, NULL AS name, called(t.post, w.committee, w.party_org_type) AS post, list_position(['党组织书记', '党组织副书记', '党组织委员', '村（居）委会主任', '村（居）委会副主任', '村（居）委会委员'], t.post::VARCHAR) AS place,
        CASE WHEN t.post::VARCHAR LIKE '党组织%' THEN '党组织' ELSE '村（居）委会' END AS body, NULL AS sex, NULL AS birth, NULL AS education, NULL::BOOLEAN AS party
    FROM build CROSS JOIN tenures AS t JOIN village_names AS w ON w.village_id = t.village_id AND as_of BETWEEN w.since AND w.until WHERE in_office(t.started_on, t.ended_on, as_of)
    UNION ALL
    SELECT m.village_id, coalesce(m.person_id, m.member_id), m.person_id, m.valid_from, m.name, '村务监督委员会' || m.post, CASE m.post WHEN '主任' THEN 20 ELSE 21 END,
        '村务监督', m.sex::VARCHAR, m.birth, m.education::VARCHAR, m.party_member
    FROM build CROSS JOIN supervision_members AS m WHERE in_office(m.valid_from, m.valid_to, as_of)
),
one AS (
    SELECT village_id, who, any_value(person_id) AS person_id, any_value(name) AS name, string_agg(post, '、' ORDER BY place) AS posts, min(since) AS since, min(place) AS rank,
        bool_or(body = '党组织') AS party_body, bool_or(body = '村（居）委会') AS committee, bool_or(body = '村务监督') AS supervision,
        any_value(sex) AS sex, any_value(birth) AS birth, any_value(education) AS education, any_value(party) AS party
    FROM held GROUP BY village_id, who
)
SELECT o.village_id, v.name AS village_name, v.township_id, p.person_id, coalesce(p.name, o.name) AS name, o.posts, o.since, o.party_body, o.committee, o.supervision, o.rank,
    coalesce(p.sex::VARCHAR, o.sex) AS sex, age_on(coalesce(p.birth, o.birth), as_of) AS age,
    coalesce(highest_education(p.education_full_time_level, p.education_in_service_level)::VARCHAR, o.education) AS education,
    coalesce(highest_education(p.education_full_time_level, p.education_in_service_level), TRY_CAST(o.education AS education)) >= '大专'::education AS college,
    coalesce(p.political_status IN ('中共党员', '中共预备党员'), o.party) AS party_member,
    age_on(coalesce(p.birth, o.birth), as_of) <= param_number('team_young_age', as_of) AS young
FROM build CROSS JOIN one AS o JOIN villages AS v ON v.village_id = o.village_id AND in_office(v.valid_from, v.valid_to, as_of)
LEFT JOIN people AS p ON p.person_id = o.person_id
