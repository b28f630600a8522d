/*
id: P3
title: 同一区划代码只属于一个市
severity: error
table: villages
column: code
message: "{name}的代码 {code} 的前四位不是{city}的 {prefix}。"
remedy: 请所在市核对代码后重新发布。
*/
SELECT v._file, v._line, v.name, v.code, m.title AS city, m.code AS prefix
FROM villages AS v JOIN members AS m ON m.name = v.member
WHERE m.code IS NOT NULL AND NOT starts_with(v.code, m.code)
