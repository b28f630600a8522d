/*
id: R87
title: 已经印发的政策文件不得改动
severity: error
clause: records#18
table: policies
column: policy_id
message: "{title}（{doc_number}）已经印发，{deed}。"
remedy: "请撤回改动；需要调整的另发文件，写明修改了哪一份文件的哪一条，自新文件的施行日期起执行。"
*/
-- Judged where a change is reviewed or the history audited. Issued is what stood in the records before the change, or came in
-- with an earlier commit. The day on which a document ceases to be in force may be filled in, once; what the city says about
-- a document (summary, systems, approval to publish, whether it is open to all) is no part of it; a parameter that a later document sets is added with
-- that document's number in its note.
WITH came AS (
    SELECT root_key, min(ordinal) AS since FROM proposed_changes
    WHERE root_table = 'policies' AND table_name = 'policies' AND action = 'added' GROUP BY root_key
), went AS (
    SELECT root_key, max(before) FILTER (field = 'title') AS title, max(before) FILTER (field = 'doc_number') AS doc_number
    FROM proposed_changes WHERE root_table = 'policies' AND table_name = 'policies' AND action = 'removed' GROUP BY root_key
), noted AS (
    -- A parameter added by a later document.
    SELECT name || '/' || effective_from AS record_key FROM parameters WHERE regexp_matches(note, '〔\d{4}〕[1-9]\d*号')
), touched AS (
    SELECT c.*, t.title AS table_title, coalesce(f.title, c.field) AS field_title
    FROM proposed_changes AS c JOIN tables AS t ON t.name = c.table_name
    LEFT JOIN fields AS f ON f.table_name = c.table_name AND f.name = c.field
    LEFT JOIN came AS n ON n.root_key = c.root_key
    WHERE c.root_table = 'policies' AND c.ordinal > coalesce(n.since, -1)
      AND NOT (c.table_name = 'policies' AND c.field IN ('summary', 'systems', 'disclosure_id', 'supersedes'))
      AND c.field IS DISTINCT FROM 'open_to_public'
      AND NOT (c.action = 'changed' AND c.before IS NULL AND c.field IN ('effective_to', 'note'))
      AND NOT (c.action = 'added' AND c.table_name = 'parameters' AND c.record_key IN (FROM noted))
), deeds AS (
    SELECT root_key, _file, min(_line) AS _line, array_to_string(list_sort(list(DISTINCT CASE action WHEN 'added' THEN '增加了' WHEN 'removed' THEN '删除了' ELSE '改写了' END
        || CASE WHEN table_name = 'policies' THEN field_title ELSE table_title END)), '、') AS deed
    FROM touched GROUP BY root_key, _file
)
SELECT d.root_key AS policy_id, coalesce(p.title, w.title, d.root_key) AS title, coalesce(p.doc_number, w.doc_number, '') AS doc_number,
    CASE WHEN p.policy_id IS NULL THEN '被删除' ELSE d.deed END AS deed, d._file, d._line
FROM deeds AS d LEFT JOIN policies AS p ON p.policy_id = d.root_key LEFT JOIN went AS w ON w.root_key = d.root_key
