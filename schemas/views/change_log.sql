/*
title: 变更明细
description: 版本库历史中每一处变更：哪天、谁、把哪条记录的哪一项由什么改成什么，依据什么文件。删除一条记录或者清单中的一项，各为一行；清单中同时增加的几项合为一行。
fields:
  ordinal: {title: 次序, sensitivity: internal}
  commit: {title: 提交, sensitivity: internal}
  day: {title: 日期, sensitivity: internal}
  month: {title: 月份, sensitivity: internal}
  author: {title: 提交人, sensitivity: internal}
  merged_by: {title: 合并人, sensitivity: internal}
  org_id: {title: 机构编号, sensitivity: internal}
  place: {title: 乡镇（街道）, sensitivity: internal}
  table_name: {title: 表名, sensitivity: internal}
  table_title: {title: 登记表, sensitivity: internal}
  root_table: {title: 所属登记表, sensitivity: internal}
  root_key: {title: 记录编号, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  about: {title: 对象, sensitivity: internal}
  action: {title: 变更方式, sensitivity: internal}
  item: {title: 项目, sensitivity: internal}
  before: {title: 原值, sensitivity: internal}
  after: {title: 新值, sensitivity: internal}
  document: {title: 依据, sensitivity: internal}
  document_filing: {title: 依据的备案, sensitivity: internal}
*/
-- A table whose very key is restricted (who has a sanction, say) is left out; other restricted values stand hidden.
WITH told AS (
    SELECT table_name FROM fields GROUP BY table_name HAVING NOT bool_or(in_key AND sensitivity = 'restricted')
), single AS (
    SELECT commit, action, table_name, record_key, root_table, root_key, field, before, after, file, ordinal
    FROM changes SEMI JOIN told USING (table_name)
    WHERE action = 'changed' OR (action = 'added' AND table_name = root_table)
    UNION ALL BY NAME
    -- List items that come together are told together; those that come with a new record are part of it.
    SELECT commit, 'added' AS action, table_name, min(record_key) AS record_key, root_table, root_key, min(file) AS file, min(ordinal) AS ordinal,
        CASE WHEN count(*) = 1 THEN '第' || min(place) || '项' WHEN max(place) - min(place) = count(*) - 1 THEN '第' || min(place) || '至' || max(place) || '项'
            ELSE '共' || count(*) || '项' END AS span
    FROM (
        SELECT *, TRY_CAST(regexp_extract(record_key, '/([0-9]+)$', 1) AS INTEGER) AS place FROM changes AS c SEMI JOIN told USING (table_name)
        WHERE action = 'added' AND table_name <> root_table AND NOT EXISTS (
            FROM changes AS r WHERE r.commit = c.commit AND r.action = 'added' AND r.table_name = c.root_table AND r.record_key = c.root_key
        )
    ) GROUP BY commit, table_name, root_table, root_key
    UNION ALL BY NAME
    SELECT c.commit, 'removed' AS action, c.table_name, c.record_key, c.root_table, c.root_key, min(c.file) AS file, min(c.ordinal) AS ordinal,
        string_agg(f.title || ' ' || c.before, '，' ORDER BY f.ordinal) FILTER (c.before <> '●●●' AND NOT f.in_key) AS before
    FROM changes AS c SEMI JOIN told USING (table_name)
    LEFT JOIN fields AS f ON f.table_name = c.table_name AND f.name = c.field
    WHERE c.action = 'removed'
    GROUP BY c.commit, c.table_name, c.record_key, c.root_table, c.root_key
), places AS (
    SELECT DISTINCT c.file, o.org_id, o.short_name
    FROM (SELECT DISTINCT file FROM changes) AS c
    JOIN organisations AS o ON o.folder IS NOT NULL AND starts_with(c.file, rtrim(o.folder, '/') || '/')
), subjects AS (
    FROM record_subjects
    UNION ALL BY NAME
    -- Of a record that is gone, as it was when it went.
    SELECT table_name, record_key, arg_max(before, ordinal) FILTER (field = 'person_id') AS person_id,
        arg_max(before, ordinal) FILTER (field = 'village_id') AS village_id
    FROM changes AS c
    WHERE action = 'removed' AND table_name = root_table AND before <> '●●●' AND field IN ('person_id', 'village_id')
        AND NOT EXISTS (FROM record_subjects AS r WHERE r.table_name = c.table_name AND r.record_key = c.record_key)
    GROUP BY ALL
), filed AS (
    -- What was filed in the same commit about the same person or village; a bulk import files nothing in particular.
    SELECT c.commit, f.filing_id, f.person_id, f.village_id, f.kind || coalesce(' ' || coalesce(f.document_number, f.request_number), '') AS document
    FROM (SELECT DISTINCT commit, root_key FROM changes WHERE root_table = 'filings') AS c JOIN filings AS f ON f.filing_id = c.root_key
    WHERE c.commit IN (SELECT commit FROM changes WHERE root_table = 'filings' GROUP BY commit HAVING count(DISTINCT root_key) <= 20)
), by_person AS (
    SELECT commit, person_id, min(filing_id) AS filing_id, arg_min(document, filing_id) AS document FROM filed GROUP BY ALL
), by_village AS (
    SELECT commit, village_id, min(filing_id) AS filing_id, arg_min(document, filing_id) AS document FROM filed GROUP BY ALL
), noticed AS (
    SELECT c.commit, n.person_id, min(n.kind || ' ' || n.notice_id) AS document
    FROM (SELECT DISTINCT commit, record_key FROM changes WHERE table_name = 'notices') AS c JOIN notices AS n ON n.notice_id = c.record_key
    WHERE c.commit IN (SELECT commit FROM changes WHERE table_name = 'notices' GROUP BY commit HAVING count(DISTINCT record_key) <= 20)
    GROUP BY ALL
), named AS (
    -- What a number stands for, beside the number.
    SELECT 'people' AS table_name, person_id AS record_key, name FROM people
    UNION ALL SELECT 'villages', village_id, name FROM villages
    UNION ALL SELECT 'organisations', org_id, short_name FROM organisations
)
SELECT c.ordinal, c.commit, (k.author_time + INTERVAL 8 HOUR)::DATE AS day, strftime(k.author_time + INTERVAL 8 HOUR, '%Y-%m') AS month,
    k.author, k.merge_author AS merged_by, l.org_id, coalesce(l.short_name, '市级') AS place,
    c.table_name, t.title AS table_title, c.root_table, c.root_key, s.person_id, s.village_id,
    CASE c.root_table WHEN 'people' THEN coalesce(p.name, c.root_key) WHEN 'villages' THEN coalesce(v.name, c.root_key)
        WHEN 'filings' THEN coalesce(f.kind, '备案') || coalesce(' ' || p.name, ' ' || c.root_key)
        ELSE coalesce(p.name, v.name, z.title, g.name, c.root_key) END AS about,
    CASE c.action WHEN 'added' THEN '新增' WHEN 'removed' THEN '删除' ELSE '修改' END AS action,
    CASE WHEN c.table_name <> c.root_table
        THEN t.title || coalesce(c.span, regexp_replace(regexp_extract(c.record_key, '/([0-9]+).?$', 1), '^(.+)$', '第\1项')) ELSE '' END
        || coalesce(n.title, CASE WHEN c.table_name = c.root_table THEN '整条记录' ELSE '' END) AS item,
    coalesce(x.name || '（' || c.before || '）', c.before) AS before, coalesce(y.name || '（' || c.after || '）', c.after) AS after,
    coalesce(
        nullif(regexp_extract(k.body, '(?m)^\s*(?:依据|文号|[Dd]ocument)\s*[:：]\s*(.+?)\s*$', 1), ''),
        CASE WHEN c.root_table = 'filings' THEN coalesce(f.document_number, f.request_number) END,
        d.document, w.document,
        CASE WHEN c.root_table = 'tenures' AND c.field IN ('ended_on', 'end_reason') THEN u.end_document
            WHEN c.root_table = 'tenures' THEN u.document END,
        q.document
    ) AS document,
    CASE WHEN c.root_table <> 'filings' THEN coalesce(d.filing_id, w.filing_id) END AS document_filing
FROM single AS c
JOIN commits AS k USING (commit)
JOIN tables AS t ON t.name = c.table_name
JOIN tables AS r ON r.name = c.root_table
LEFT JOIN fields AS n ON n.table_name = c.table_name AND n.name = c.field
LEFT JOIN named AS g ON g.table_name = c.root_table AND g.record_key = c.root_key
LEFT JOIN named AS x ON x.table_name = n.refers_to AND x.record_key = c.before
LEFT JOIN named AS y ON y.table_name = n.refers_to AND y.record_key = c.after
LEFT JOIN places AS l USING (file)
LEFT JOIN subjects AS s ON s.table_name = c.root_table AND s.record_key = c.root_key
LEFT JOIN people AS p ON p.person_id = s.person_id
LEFT JOIN villages AS v ON v.village_id = s.village_id
LEFT JOIN filings AS f ON c.root_table = 'filings' AND f.filing_id = c.root_key
LEFT JOIN tenures AS u ON c.root_table = 'tenures' AND u.tenure_id = c.root_key
LEFT JOIN by_person AS d ON d.commit = c.commit AND d.person_id = s.person_id AND c.root_table <> 'filings'
LEFT JOIN by_village AS w ON w.commit = c.commit AND w.village_id = s.village_id AND c.root_table <> 'filings'
LEFT JOIN policies AS z ON c.root_table = 'policies' AND z.policy_id = c.root_key
LEFT JOIN noticed AS q ON q.commit = c.commit AND q.person_id = s.person_id
