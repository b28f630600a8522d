/*
id: R89
title: 区划代码已经登记
severity: warning
clause: records#5
table: villages
column: code
message: "{name}（{village_id}）还没有登记区划代码。"
remedy: "请按国家统计局公布的统计用区划代码补录。"
*/
-- A new city may not have its codes at hand; a code that is there is judged by R04.
SELECT v._file, v._line, v.village_id, v.township_id, v.name
FROM villages AS v, build
WHERE v.code IS NULL AND (v.valid_to IS NULL OR v.valid_to > as_of)
