/*
id: R61
title: 受限信息不得明文出现
severity: error
clause: [records#12, records#11]
table: people
message: "“{table_title}”的“{field_title}”属于受限信息，却以明文写在文件里。"
remedy: "请立即删去这一项，加密以后再填；已经提交过的，请告知管理员从历史中清除。"
*/
-- Every field that is restricted, in every table, also one that nobody has thought of yet. The keys of a restricted list
-- say only whose it is and which row, and come from the file itself. The value is never selected.
SELECT c.table_name AS _table, c.field AS _column, t.title AS table_title, f.title AS field_title, c._file, c._line
FROM cells AS c
JOIN fields AS f ON f.table_name = c.table_name AND f.name = c.field
JOIN tables AS t ON t.name = c.table_name
WHERE c.sensitivity = 'restricted' AND NOT f.in_key AND NOT is_sealed(c.value)
