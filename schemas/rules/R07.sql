/*
id: R07
title: 不保存年龄
severity: error
clause: records#8
table: fields
column: name
message: "表“{table_name}”的字段“{title}”（{name}）保存了年龄。"
remedy: "请删除这个字段，改存出生年月；需要年龄时按统计时点计算周岁。"
*/
-- A stored age is wrong from the next birthday on. A text that mentions age (an approval, a reference date) is none.
SELECT _file, _line, table_name, name, title
FROM fields
WHERE type IN ('integer', 'number') AND (name = 'age' OR name LIKE 'age\_%' ESCAPE '\' OR name LIKE '%\_age' ESCAPE '\'
        OR title LIKE '%年龄%' OR title LIKE '%周岁%')
    OR name IN ('age', 'nianling') OR title IN ('年龄', '周岁', '实足年龄')
