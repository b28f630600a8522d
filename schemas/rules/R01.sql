/*
id: R01
title: 一人一号
severity: error
clause: records#2
table: people
column: id_digest
message: "{name}（{person_id}）与{others}的身份证号摘要相同，应是同一个人建了两份档案。"
remedy: "请核对后保留一份，把任职等记录改到保留的人员编号下。"
*/
-- The digest is keyed, so equal digests mean equal ID numbers and nothing else can be read from them.
-- That person_id itself is not used twice is a matter of the primary key.
-- A few of the others are named, however many there are.
SELECT p._file, p._line, p.person_id, p.name,
    array_to_string([h FOR h IN s.holders IF h <> p.name || '（' || p.person_id || '）'][:3], '、') AS others
FROM people AS p JOIN (
    SELECT id_digest, list(name || '（' || person_id || '）' ORDER BY person_id)[:4] AS holders
    FROM people WHERE id_digest IS NOT NULL GROUP BY id_digest HAVING count(*) > 1
) AS s USING (id_digest)
