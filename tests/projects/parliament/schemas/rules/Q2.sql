/*
id: Q2
title: 出席率
severity: warning
clause: standing#1
table: members
column: attendance
message: "{name}的出席率 {attendance} 低于 {limit}。"
remedy: 请说明原因。
*/
SELECT _file, _line, member_id, name, attendance, limit_of('attendance') AS "limit" FROM members WHERE attendance < limit_of('attendance')
