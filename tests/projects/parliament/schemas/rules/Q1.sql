/*
id: Q1
title: 表决人数
severity: error
clause: standing#2
table: votes
column: yes
message: "“{motion}”赞成 {yes} 票，多于出席的 {present} 人。"
remedy: 请核对票数。
*/
SELECT _file, _line, sitting_id, motion, yes, present FROM votes WHERE yes > present
