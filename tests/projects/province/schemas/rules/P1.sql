/*
id: P1
title: 各市达到省定结构目标
severity: warning
table: members
column: title
message: "{city}的{title}是 {value}，省定目标{direction} {goal}。"
remedy: 请在下一次调整时优先考虑。
*/
SELECT m._file, m._line, s.city, s.title, s.value, s.direction, s.goal FROM structure AS s JOIN members AS m ON m.name = s.member WHERE NOT s.met
