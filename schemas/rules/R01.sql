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
SELECT _file, _line, person_id, name, [h FOR h IN holders IF h <> name || '（' || person_id || '）'] AS others
FROM (
    SELECT *, list(name || '（' || person_id || '）') OVER (PARTITION BY id_digest) AS holders
    FROM people WHERE id_digest IS NOT NULL
)
WHERE len(holders) > 1
