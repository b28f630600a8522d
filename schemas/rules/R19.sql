/*
id: R19
title: 新任书记学历达到要求
severity: warning
clause: selection#7
table: tenures
column: person_id
message: "{village_name}新任书记{name}（{person_id}，{started_on}任职）{problem}，低于要求的{required}。"
remedy: "请核对全日制和在职学历；确实不足的，督促参加学历提升。"
*/
-- The higher of the two levels, compared by rank: the parameter is a word of the same ordered list.
SELECT _file, _line, tenure_id, person_id, village_id, township_id, village_name, name, started_on, required,
    coalesce('最高学历为' || highest, '没有填写学历') AS problem
FROM (
    SELECT s.*, p.name, highest_education(p.education_full_time_level, p.education_in_service_level) AS highest,
        TRY_CAST(param('education_new_min', s.started_on) AS education) AS required
    FROM secretary_tenures AS s JOIN people AS p USING (person_id), build
    WHERE s.is_new AND s.started_on <= as_of
)
WHERE highest < required OR (highest IS NULL AND required IS NOT NULL)
