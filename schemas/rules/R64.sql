/*
id: R64
title: 各管各的记录
severity: error
clause: records#16
table: tenures
column: village_id
message: "{what}属于{owner}，{problem}。"
remedy: "{advice}。"
*/
-- A row belongs to the township of its village (or to the township it names), and so must its file.
-- A table that townships keep and that names a village has to be in this list: a test compares it with the schemas.
-- Who changed a file is known where a change is reviewed or the history audited: the author's address stands with the
-- office that he works for, and an office that has a folder changes nothing outside it.
WITH placed AS (
    SELECT 'villages' AS _table, 'township_id' AS _column, township_id, village_id, _file, _line FROM villages
    UNION ALL BY NAME
    SELECT f._table, f._column, v.township_id, f.village_id, f._file, f._line
    FROM (
        SELECT 'supervision_members' AS _table, 'village_id' AS _column, village_id, _file, _line FROM supervision_members
        UNION ALL SELECT 'tenures', 'village_id', village_id, _file, _line FROM tenures
        UNION ALL SELECT 'notices', 'village_id', village_id, _file, _line FROM notices
        UNION ALL SELECT 'elections', 'village_id', village_id, _file, _line FROM elections
        UNION ALL SELECT 'filings', 'village_id', village_id, _file, _line FROM filings
        UNION ALL SELECT 'reserve', 'village_id', village_id, _file, _line FROM reserve
        UNION ALL SELECT 'targets', 'village_id', village_id, _file, _line FROM targets
        UNION ALL SELECT 'appraisals', 'village_id', village_id, _file, _line FROM appraisals
        UNION ALL SELECT 'audits', 'village_id', village_id, _file, _line FROM audits
        UNION ALL SELECT 'adjustments', 'village_id', village_id, _file, _line FROM adjustments
        UNION ALL SELECT 'payments', 'village_id', village_id, _file, _line FROM payments
        UNION ALL SELECT 'pensions', 'village_id', village_id, _file, _line FROM pensions
        UNION ALL SELECT 'advancement', 'village_id', village_id, _file, _line FROM advancement
    ) AS f JOIN villages AS v USING (village_id)
    UNION ALL BY NAME SELECT 'pay_totals' AS _table, 'org_id' AS _column, org_id AS township_id, _file, _line FROM pay_totals
    UNION ALL BY NAME SELECT 'care_ledgers' AS _table, 'org_id' AS _column, org_id AS township_id, _file, _line FROM care_ledgers
    UNION ALL BY NAME SELECT 'subsidies' AS _table, 'org_id' AS _column, org_id AS township_id, _file, _line FROM subsidies
), asked AS (
    -- Nobody is made somebody by the very change under review: who works for whom is as it was before.
    SELECT root_key AS org_id, bool_or(action = 'added') AS fresh,
        bool_or(field = 'emails') AS new_emails, max(before) FILTER (field = 'emails') AS emails,
        bool_or(field = 'folder') AS new_folder, max(before) FILTER (field = 'folder') AS folder
    FROM proposed_changes WHERE table_name = 'organisations' AND ordinal = 0 GROUP BY root_key
), registered AS (
    SELECT o.org_id, o.short_name,
        CASE WHEN a.fresh THEN NULL WHEN a.new_emails THEN a.emails ELSE o.emails END AS emails,
        CASE WHEN a.new_folder THEN a.folder ELSE o.folder END AS folder
    FROM organisations AS o LEFT JOIN asked AS a USING (org_id)
), authors AS (
    SELECT p.author_email, min(p.author) AS author,
        coalesce(bool_or(o.folder IS NULL) FILTER (o.org_id IS NOT NULL), false) AS anywhere,
        list(rtrim(o.folder, '/') || '/') FILTER (o.folder IS NOT NULL) AS folders,
        string_agg(DISTINCT o.short_name, '、' ORDER BY o.short_name) AS named
    FROM proposed_commits AS p LEFT JOIN registered AS o
        ON list_has_any(regexp_split_to_array(lower(o.emails), '\s+'), [lower(p.author_email), regexp_extract(lower(p.author_email), '@.*$')])
    GROUP BY p.author_email
), touched AS (
    SELECT f.author_email, f._file, min(f.commit[:10]) AS commit
    FROM proposed_files AS f GROUP BY ALL
)
SELECT p._table, p._column, '“' || t.title || '”的这一行' AS what, o.short_name AS owner, '却写在别的文件夹里' AS problem,
    '请移到' || o.folder || '下；村（社区）填错的请更正' AS advice, o.folder, p.village_id, p.township_id, p._file, p._line
FROM placed AS p JOIN organisations AS o ON o.org_id = p.township_id JOIN tables AS t ON t.name = p._table
WHERE o.folder IS NOT NULL AND NOT starts_with(p._file, rtrim(o.folder, '/') || '/')
UNION ALL BY NAME
SELECT '' AS _table, '' AS _column, '文件' || f._file AS what, coalesce(o.short_name, '市级') AS owner,
    '由' || a.named || '的' || a.author || '修改（提交' || f.commit || '）' AS problem,
    '请撤回对这个文件的修改，由归口单位提交' AS advice, o.folder, o.org_id AS township_id, f._file, 1 AS _line
FROM touched AS f JOIN authors AS a USING (author_email)
LEFT JOIN organisations AS o ON o.folder IS NOT NULL AND starts_with(f._file, rtrim(o.folder, '/') || '/')
WHERE NOT a.anywhere AND a.folders IS NOT NULL AND NOT list_bool_or(list_transform(a.folders, lambda x: starts_with(f._file, x)))
UNION ALL BY NAME
SELECT 'warning' AS _severity, '' AS _table, '' AS _column, '提交人' || a.author AS what, '哪个单位不清楚' AS owner,
    '他的邮箱没有登记' AS problem, '请在“机构”表的“提交邮箱”里登记，或者核对是不是冒用' AS advice, '' AS _file, 0 AS _line
FROM authors AS a
-- A city that has registered nobody does not judge by addresses.
WHERE a.named IS NULL AND EXISTS (FROM registered WHERE emails IS NOT NULL)
