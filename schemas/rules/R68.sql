/*
id: R68
title: 备案过的事实不得改写
severity: error
clause: records#18
table: filings
column: corrects
message: "{what}已经备案，{deed}，没有{lacking}。"
remedy: "{advice}。"
*/
-- Judged where a change is reviewed or the history audited. What was filed may be added to (later steps, the end of a
-- tenure), but not rewritten or removed, unless a correction says so. Filling in what was empty is no rewriting, nor is
-- work on a draft: only what changed after the step that filed it counts. What was removed and entered again has only
-- changed where it is not as it was: the history tells that with its return.
WITH came_back AS (
    SELECT r.table_name, r.record_key, min(r.ordinal) AS went, max(a.ordinal) AS came
    FROM proposed_changes AS r JOIN proposed_changes AS a USING (table_name, record_key)
    WHERE r.action = 'removed' AND a.action = 'added' AND a.ordinal > r.ordinal
    GROUP BY ALL
), filed_in AS (
    -- Filed within the proposed commits: from that commit on. Filed before them: from the beginning.
    SELECT c.root_key AS filing_id, min(c.ordinal) AS since
    FROM proposed_changes AS c JOIN filing_steps AS s
        ON c.record_key = s.filing_id || '/' || s.ordinal
    LEFT JOIN came_back AS b ON b.table_name = c.table_name AND b.record_key = c.record_key
    WHERE c.table_name = 'filing_steps' AND c.action = 'added' AND s.state = '备案'
        AND (b.went IS NULL OR c.ordinal < b.went)
    GROUP BY ALL
), filed AS (
    SELECT s.filing_id, f.person_id, f.tenure_id, any_value(f.filing_number) AS filing_number, coalesce(min(i.since), -1) AS since
    FROM filing_steps AS s JOIN filings AS f USING (filing_id) LEFT JOIN filed_in AS i USING (filing_id)
    WHERE s.state = '备案' GROUP BY ALL
), corrected AS (
    SELECT DISTINCT corrects AS filing_id FROM filings WHERE corrects IS NOT NULL
), rewritten AS (
    SELECT c.*, t.title AS table_title, coalesce(n.title, c.field) AS field_title
    FROM proposed_changes AS c JOIN tables AS t ON t.name = c.table_name
    LEFT JOIN fields AS n ON n.table_name = c.table_name AND n.name = c.field
    LEFT JOIN came_back AS b ON b.table_name = c.table_name AND b.record_key = c.record_key AND c.ordinal < b.came
    WHERE c.before IS NOT NULL AND (c.action = 'changed' OR (c.action = 'removed' AND b.came IS NULL))
), of_filings AS (
    SELECT f.filing_id, f.person_id, f.filing_number, r._file, min(r._line) AS _line,
        '改写了' || array_to_string(list_sort(list(DISTINCT CASE WHEN r.table_name = 'filings' THEN r.field_title ELSE r.table_title END)), '、') AS deed
    FROM rewritten AS r JOIN filed AS f ON f.filing_id = r.root_key AND r.ordinal > f.since
    WHERE r.root_table = 'filings' AND f.filing_id NOT IN (FROM corrected)
    GROUP BY ALL
), gone AS (
    SELECT root_key AS filing_id, max(_file) AS _file, max(before) FILTER (field = 'filing_number' AND table_name = 'filings') AS filing_number
    FROM proposed_changes
    WHERE root_table = 'filings' AND action = 'removed' AND root_key NOT IN (SELECT filing_id FROM filings)
    GROUP BY ALL HAVING bool_or(table_name = 'filing_steps' AND field = 'state' AND before = '备案')
), of_tenures AS (
    SELECT r.root_key AS tenure_id, f.person_id, min(f.filing_id) AS filing_id, r._file, min(r._line) AS _line,
        CASE WHEN bool_or(r.action = 'removed') THEN '被删除'
            ELSE '改写了' || array_to_string(list_sort(list(DISTINCT r.field_title)), '、') END AS deed
    FROM rewritten AS r JOIN filed AS f ON f.tenure_id = r.root_key AND r.ordinal > f.since
    WHERE r.table_name = 'tenures'
        AND r.field IN ('person_id', 'village_id', 'post', 'term', 'started_on', 'ended_on', 'end_reason', 'origin', 'channel', 'election_id')
        AND f.tenure_id NOT IN (SELECT tenure_id FROM filings SEMI JOIN corrected USING (filing_id) WHERE tenure_id IS NOT NULL)
    GROUP BY ALL
), announced AS (
    -- A change of a person's particulars is announced by a filing of its own, in work or among what is proposed.
    SELECT DISTINCT f.person_id
    FROM filings AS f JOIN filing_status AS s USING (filing_id)
    WHERE f.kind IN ('信息变更', '更正撤销')
        AND (s.open OR f.filing_id IN (SELECT root_key FROM proposed_changes WHERE root_table = 'filings'))
), of_people AS (
    SELECT r.root_key AS person_id, min(f.filing_id) AS filing_id, r._file, min(r._line) AS _line,
        '改写了' || array_to_string(list_sort(list(DISTINCT r.field_title)), '、') AS deed
    FROM rewritten AS r JOIN filed AS f ON f.person_id = r.root_key AND r.ordinal > f.since
    WHERE r.table_name = 'people' AND r.action = 'changed'
        AND r.field IN ('name', 'sex', 'birth', 'ethnic_group', 'party_joined', 'work_started',
            'education_full_time_level', 'education_full_time_degree', 'education_in_service_level', 'education_in_service_degree')
        AND r.root_key NOT IN (FROM announced)
    GROUP BY ALL
)
SELECT '备案' || filing_id || coalesce('（' || filing_number || '）', '') AS what, deed, '更正备案' AS lacking,
    '请撤回改动，或者另报一件更正撤销，在“更正的备案”里填' || filing_id AS advice,
    filing_id, person_id, NULL AS tenure_id, 'filings' AS _table, _file, _line, 'error' AS _severity
FROM of_filings
UNION ALL BY NAME
SELECT '备案' || filing_id || coalesce('（' || filing_number || '）', '') AS what, '被删除' AS deed, '更正备案' AS lacking,
    '请恢复这件备案；确需撤销的，另报一件更正撤销' AS advice, filing_id, 'filings' AS _table, _file, 1 AS _line, 'error' AS _severity
FROM gone
UNION ALL BY NAME
SELECT '任职' || tenure_id AS what, deed, '更正备案' AS lacking, '请撤回改动，或者另报一件更正撤销，在“更正的备案”里填' || filing_id AS advice,
    filing_id, person_id, tenure_id, 'tenures' AS _table, _file, _line, 'error' AS _severity
FROM of_tenures
UNION ALL BY NAME
SELECT coalesce(p.name, o.person_id) || '的登记表' AS what, o.deed, '信息变更备案' AS lacking, '请同时报信息变更；原来登记有误的，报更正撤销' AS advice,
    o.filing_id, o.person_id, 'people' AS _table, o._file, o._line, 'warning' AS _severity
FROM of_people AS o LEFT JOIN people AS p USING (person_id)
