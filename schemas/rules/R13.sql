/*
id: R13
title: 主任由村（居）民选举产生
severity: error
clause: selection#11
complete: elections
table: tenures
column: election_id
dated: started_on
message: "{village_name}{post}{name}（{person_id}，{started_on}起）{problem}。"
remedy: "请填写选出这名主任的选举；没有经过选举的，应当依法补选。"
*/
SELECT t._file, t._line, t.tenure_id, t.person_id, t.village_id, v.township_id, v.name AS village_name, p.name, t.started_on, in_place(t.post, v.kind) AS post,
    t.election_id,
    CASE
        WHEN t.origin <> '选举产生' THEN '的产生方式是“' || t.origin || '”，不是选举产生'
        WHEN t.election_id IS NULL THEN '没有填写产生他的选举'
        WHEN e.kind NOT IN ('村（居）委会换届', '村（居）委会补选') THEN '所填的' || t.election_id || '是' || in_place(e.kind, v.kind) || in_place('，不是村（居）民委员会选举', v.kind)
        WHEN e.village_id <> t.village_id THEN '所填的' || t.election_id || '是别的村（社区）的选举'
        WHEN e.outcome <> '成功' THEN '所填的' || t.election_id || '没有成功（' || e.outcome || '）'
        WHEN t.started_on < m.voted_on THEN '的任职日期早于所填的' || t.election_id || '的选举日期' || day_in_words(m.voted_on)
        ELSE '在所填的' || t.election_id || '中没有当选主任'
    END AS problem
FROM tenures AS t
LEFT JOIN elections AS e USING (election_id)
-- The count of that election shows who won; an election without candidates on record proves nothing against him.
LEFT JOIN (
    SELECT election_id, coalesce(list(person_id) FILTER (WHERE status = '当选' AND post = '村（居）委会主任'), []) AS winners
    FROM election_candidates GROUP BY election_id
) AS c USING (election_id)
LEFT JOIN (
    SELECT election_id, min(date) AS voted_on FROM election_meetings WHERE meeting IN ('村（居）民选举', '村（居）民另选') GROUP BY election_id
) AS m USING (election_id)
LEFT JOIN villages AS v ON v.village_id = t.village_id
LEFT JOIN people AS p ON p.person_id = t.person_id
WHERE t.post = '村（居）委会主任' AND (
    t.origin <> '选举产生' OR t.election_id IS NULL
    OR e.kind NOT IN ('村（居）委会换届', '村（居）委会补选') OR e.village_id <> t.village_id OR e.outcome <> '成功'
    OR t.started_on < m.voted_on OR NOT list_contains(coalesce(c.winners, [t.person_id]), t.person_id)
)
