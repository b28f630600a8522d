/*
id: R64
title: 各管各的记录
severity: error
clause: records#16
table: tenures
column: village_id
message: "“{table_title}”的这一行属于{owner}，却写在别的文件夹里。"
remedy: "请移到{folder}下；村（社区）填错的请更正。"
*/
-- A row belongs to the township of its village (or to the township it names), and so must its file. Which account may
-- change which folder is for the git host; that a row stands in the right folder can be told from the records alone.
-- A table that townships keep and that names a village has to be in this list: a test compares it with the schemas.
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
        UNION ALL SELECT 'advancement', 'village_id', village_id, _file, _line FROM advancement
    ) AS f JOIN villages AS v USING (village_id)
    UNION ALL BY NAME SELECT 'pay_totals' AS _table, 'org_id' AS _column, org_id AS township_id, _file, _line FROM pay_totals
    UNION ALL BY NAME SELECT 'care_ledgers' AS _table, 'org_id' AS _column, org_id AS township_id, _file, _line FROM care_ledgers
    UNION ALL BY NAME SELECT 'subsidies' AS _table, 'org_id' AS _column, org_id AS township_id, _file, _line FROM subsidies
)
SELECT p._table, p._column, t.title AS table_title, o.short_name AS owner, o.folder, p.village_id, p.township_id, p._file, p._line
FROM placed AS p JOIN organisations AS o ON o.org_id = p.township_id JOIN tables AS t ON t.name = p._table
WHERE o.folder IS NOT NULL AND NOT starts_with(p._file, rtrim(o.folder, '/') || '/')
