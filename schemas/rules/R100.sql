/*
id: R100
title: 已销毁的人不再出现
severity: warning
clause: records#18
table: erasures
message: "{problem}。"
remedy: "{advice}。"
*/
-- An entry that names no kind of record closes nothing. What is said of a person in others' records is text that nobody
-- else can judge: it is told where a name still stands, never the name.
WITH erased AS (
    SELECT e.record_key, p.name FROM erasures AS e JOIN people AS p ON e.table_name = 'people' AND p.person_id = e.record_key
)
SELECT e._file, e._line, 'erasures' AS _table, 'table_name' AS _column, 'error' AS _severity,
    '销毁登记里写的“' || e.table_name || '”不是一种记录，这一项不起作用' AS problem,
    '请写表名，如 people' AS advice
FROM erasures AS e WHERE e.table_name NOT IN (SELECT name FROM tables)
UNION ALL BY NAME
SELECT DISTINCT c._file, c._line, c.table_name AS _table, c.field AS _column, 'warning' AS _severity,
    '“' || t.title || '”的“' || f.title || '”里还写着已销毁的 ' || e.record_key || ' 的姓名' AS problem,
    '请核对是不是本人；是的，改成不指名的写法，历史里的见 lingtouyan erase --history-plan' AS advice
FROM erased AS e JOIN cells AS c ON c.free AND c.sensitivity <> 'restricted' AND contains(c.value, e.name)
JOIN fields AS f ON f.table_name = c.table_name AND f.name = c.field JOIN tables AS t ON t.name = c.table_name
-- A namesake's own record says his name as it should, and so does the record that is closed.
WHERE c.table_name NOT IN ('people', 'person_resume', 'person_honours') AND NOT contains(c._file, '/people/')
