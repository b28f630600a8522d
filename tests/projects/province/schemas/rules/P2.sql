/*
id: P2
title: 各市按月发布
severity: warning
table: members
column: title
message: "{title}的数据基准日是 {published}，早于 {limit}。"
remedy: 请督促发布新的数据包，再运行 lingtouyan collect fetch；从未收到的，请核对 package。
*/
SELECT m._file, m._line, m.title, coalesce(p.as_of::VARCHAR, '（没有收到）') AS published, (b.as_of - INTERVAL 31 DAY)::DATE AS "limit"
FROM members AS m LEFT JOIN packages AS p ON p.member = m.name, build AS b
WHERE p.as_of IS NULL OR p.as_of < b.as_of - INTERVAL 31 DAY
