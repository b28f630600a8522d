/*
id: R15
title: 任期不超过规定年限
severity: warning
clause: selection#2
table: tenures
column: ended_on
message: "{village_name}{post}{name}（{person_id}）{started_on}任职，{until}，超过任期{years}年和延期{grace}天的期限{due_on}。"
remedy: "请按期换届；已经换届的，填写离任日期，连任的另填一行新的任职。"
*/
-- The term and the grace in force when it began; Party posts and committee posts have each their own.
SELECT _file, _line, tenure_id, person_id, village_id, village_name, post, name, started_on, years, grace, due_on,
    CASE WHEN ended_on <= as_of THEN ended_on || '离任' ELSE '至今没有换届' END AS until
FROM (
    SELECT *, (started_on + to_years(years))::DATE + grace AS due_on
    FROM (
        SELECT t.*, v.name AS village_name, p.name, as_of,
            CASE WHEN t.post LIKE '党组织%' THEN param_count('party_term_years', t.started_on)
                ELSE param_count('committee_term_years', t.started_on) END AS years,
            coalesce(param_count('term_grace_days', t.started_on), 0) AS grace
        FROM tenures AS t LEFT JOIN villages AS v USING (village_id) LEFT JOIN people AS p USING (person_id), build
    )
)
WHERE least(coalesce(ended_on, as_of), as_of) > due_on
