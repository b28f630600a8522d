/*
id: R18
title: 任职年龄不超过上限，或者经过批准
severity: warning
clause: selection#6
table: tenures
column: age_approval
message: "{village_name}书记{name}（{person_id}）{started_on}{kind}时{age}周岁，超过{limit_age}周岁，没有填写批准文号。"
remedy: "经批准超龄任职的，填写批准文号；没有批准的，应当报批或者调整。"
*/
-- Whole years on the day of taking office, against the limit of that day; who has been secretary before, in any village,
-- stays on.
SELECT _file, _line, tenure_id, person_id, village_id, township_id, village_name, name, started_on, age, limit_age,
    CASE WHEN is_new THEN '新任' ELSE '继续任职' END AS kind
FROM (
    SELECT s.*, p.name, age_on(p.birth, s.started_on) AS age, t.age_approval,
        CASE WHEN s.is_new THEN param_count('age_new_max', s.started_on)
            ELSE param_count('age_kept_max', s.started_on) END AS limit_age
    FROM secretary_tenures AS s JOIN tenures AS t USING (tenure_id) JOIN people AS p ON p.person_id = s.person_id, build
    WHERE s.started_on <= as_of
)
WHERE age > limit_age AND coalesce(trim(age_approval), '') = ''
