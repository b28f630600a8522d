/*
id: R15
title: 任期不超过规定年限
severity: warning
clause: [selection#2, selection#25]
table: tenures
column: ended_on
message: "{village_name}{post}{name}（{person_id}）{started_on}任职，{until}，超过{what}和延期{grace}天的期限{due_on}。"
remedy: "请按期换届；已经换届的，填写离任日期，连任的另填一行新的任职。"
*/
-- The term and the grace in force when it began; Party posts and committee posts have each their own. Rows of one term
-- that adjoin are one tenure, and who came between two general elections stays no longer than the term that he came into, since the clause
-- is in force.
WITH post AS (
    SELECT *, count_if(begins) OVER (PARTITION BY person_id, village_id, post ORDER BY started_on, tenure_id) AS stretch
    FROM (
        SELECT *, coalesce(term IS DISTINCT FROM lag(term) OVER line OR lag(end_reason) OVER line = '届满'
            OR started_on > lag(ended_on) OVER line + 1, true) AS begins
        FROM tenures WINDOW line AS (PARTITION BY person_id, village_id, post ORDER BY started_on, tenure_id)
    )
), limited AS (
    SELECT t.*, CASE WHEN t.first_on >= (SELECT min(effective_from) FROM policies WHERE policy_id = 'selection') THEN r.ended_on END AS elected_by, CASE WHEN t.post LIKE '党组织%' THEN r.party_term_years ELSE r.committee_term_years END AS term_years,
        CASE WHEN t.post LIKE '党组织%' THEN param_count('party_term_years', t.first_on)
            ELSE param_count('committee_term_years', t.first_on) END AS years,
        coalesce(param_count('term_grace_days', t.first_on), 0) AS grace
    FROM (
        SELECT *, min(started_on) OVER stretch AS first_on, max(started_on) OVER stretch = started_on AS is_last
        FROM post WINDOW stretch AS (PARTITION BY person_id, village_id, post, stretch)
    ) AS t LEFT JOIN terms AS r USING (term)
    WHERE t.is_last
)
SELECT l._file, l._line, l.tenure_id, l.person_id, l.village_id, v.name AS village_name, in_place(l.post, v.kind) AS post, p.name, l.first_on AS started_on, l.years, l.grace,
    l.due_on, CASE WHEN l.ended_on <= as_of THEN day_in_words(l.ended_on) || '离任' ELSE '至今没有换届' END AS until,
    CASE WHEN l.by_term < l.own_end THEN l.term || '年这一届' ELSE '任期' || l.years || '年' END AS what
FROM (
    SELECT *, (first_on + to_years(years))::DATE AS own_end, (elected_by + to_years(TRY_CAST(term_years AS SMALLINT)::INTEGER))::DATE AS by_term,
        least(own_end, by_term) + grace AS due_on
    FROM limited
) AS l LEFT JOIN villages AS v USING (village_id) LEFT JOIN people AS p USING (person_id), build
WHERE least(coalesce(l.ended_on, as_of), as_of) > l.due_on
