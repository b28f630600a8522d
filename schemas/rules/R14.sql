/*
id: R14
title: 书记及其近亲属不进村务监督委员会
severity: error
clause: selection#12
table: supervision_members
column: kin_of_secretary
message: "{village_name}村务监督委员会{post}{name}（{member_id}）{problem}，应当回避。"
remedy: "请另选村务监督委员会成员，并填写这名成员的离任日期；不是近亲属的，改正登记。"
*/
-- Asked of members in office: what ended long ago is not put right by any entry now. Which kinship it is stays unsaid.
WITH member AS (
    SELECT m.*, as_of FROM supervision_members AS m, build WHERE in_office(m.valid_from, m.valid_to, as_of)
)
SELECT m._file, m._line, CASE WHEN s.person_id IS NULL THEN 'kin_of_secretary' ELSE 'person_id' END AS _column,
    m.member_id, m.person_id, m.village_id, v.name AS village_name, m.post, m.name, s.tenure_id,
    CASE WHEN s.person_id IS NULL THEN '是本村（社区）书记的近亲属' ELSE '就是本村（社区）现任书记' END AS problem
FROM member AS m
LEFT JOIN secretary_tenures AS s ON s.person_id = m.person_id AND s.village_id = m.village_id
    AND in_office(s.started_on, s.ended_on, m.as_of)
LEFT JOIN villages AS v ON v.village_id = m.village_id
WHERE s.person_id IS NOT NULL OR m.kin_of_secretary
