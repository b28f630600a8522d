/*
id: R72
title: 不重复建档
severity: warning
clause: records#2
table: people
column: name
message: "{name}（{person_id}）与{others}{likeness}，可能是同一个人建了两份档案。"
remedy: "请核对身份证；是同一个人的保留一份，把任职等记录改到保留的人员编号下；确是两个人的不用处理。"
*/
-- The keyed digest decides where both have one (R01); this looks where it is missing. Month-only births count as equal to
-- any day of that month. Two living in one village with one birth whose names sound alike or differ in one character are
-- most often one person typed twice, and so on one day where a village is missing; brothers share a character but not a month of birth.
WITH person AS (
    SELECT _file, _line, person_id, name, sex, birth, id_digest, residence_village_id, left(birth, 7) AS birth_month,
        strip_accents(lower(replace(pinyin, ' ', ''))) AS sound
    FROM people WHERE deceased_on IS NULL
), pair AS (
    SELECT a._file, a._line, a.person_id, a.name, b.person_id AS other_id, b.name AS other_name,
        CASE WHEN a.name = b.name THEN '同名、同性别、同出生日期'
            ELSE CASE WHEN a.residence_village_id = b.residence_village_id THEN '同村、' ELSE '' END || '同性别、同出生日期，姓名'
                || CASE WHEN a.sound = b.sound THEN '同音' ELSE '只差一个字' END END AS likeness
    FROM person AS a JOIN person AS b
        ON a.birth_month = b.birth_month AND a.sex = b.sex AND a.person_id <> b.person_id
        AND (a.birth = b.birth OR least(length(a.birth), length(b.birth)) = 7)
        AND (a.id_digest = b.id_digest OR a.id_digest IS NULL OR b.id_digest IS NULL)
    WHERE a.name = b.name OR (a.residence_village_id = b.residence_village_id
            OR (a.residence_village_id IS NULL OR b.residence_village_id IS NULL) AND length(a.birth || b.birth) = 20)
        AND (a.sound = b.sound
        OR length(a.name) = length(b.name) AND length(a.name) > 1
            AND list_sum(list_transform(range(1, length(a.name) + 1), lambda i: (a.name[i] <> b.name[i])::INTEGER)) = 1)
)
SELECT _file, _line, person_id, name, likeness,
    array_to_string(list(other_name || '（' || other_id || '）' ORDER BY other_id)[:3], '、') AS others
FROM pair GROUP BY ALL
