/*
id: R26
title: 当选有票数，得票超过规定比例
severity: error
clause: [selection#22, elections#6, elections#7, elections#8]
complete: elections
table: meeting_votes
column: approve
message: "{village_name}{what}{person_name}{problem}。"
remedy: "票数、选任编号有误的请更正；无误的不能当选，结果应当改为“未当选”，并在规定期限内重新选举。"
*/
-- Each kind of meeting by its own test: Party meetings by the policy of the day (of those who should attend, or who did),
-- villagers' elections by the law (of those who voted; in another election of the ballots cast), all by the most votes.
WITH short AS (
    SELECT t.election_id, t.village_id, t.person_id, day_in_words(t.on_date) || t.meeting || '：' AS what, t.numerator,
        fraction(t.numerator, t.denominator) AS arithmetic, regexp_extract(t.detail, '，([^；]*)', 1) AS base,
        as_percent(t.threshold) AS needed,
        '得赞成票' || t.numerator || '票，' || CASE WHEN contains(t.detail, '未当选的') THEN regexp_extract(t.detail, '未当选的.*$') || '，不是得票最多的'
            ELSE fraction(t.numerator, t.denominator) || '（' || regexp_extract(t.detail, '，([^；]*)', 1) || '），'
                || CASE t.comparison WHEN '超过' THEN '没有超过' ELSE '少于' END || as_percent(t.threshold)
                || CASE WHEN t.meeting LIKE '村%' THEN '（村民委员会组织法第十五条）' ELSE '' END END AS problem,
        'meeting_votes' AS _table, 'approve' AS _column, t._file, t._line
    FROM election_tests AS t WHERE t.rule = 'R26' AND t.decided AND NOT t.met
),
-- Called elected, and no vote says so; whoever is appointed has no votes.
unvoted AS (
    SELECT c.election_id, e.village_id, c.person_id, e.kind || '（' || c.election_id || '）：' AS what,
        '登记为当选' || c.post || '，没有当选的票数' AS problem, 'election_candidates' AS _table, 'status' AS _column, c._file, c._line
    FROM election_candidates AS c JOIN elections AS e USING (election_id)
    WHERE c.status = '当选' AND c.post IN ('党组织书记', '村（居）委会主任') AND e.outcome = '成功' AND e.kind <> '组织任命'
      AND NOT EXISTS (SELECT 1 FROM meeting_votes AS v
        WHERE v.election_id = c.election_id AND v.person_id = c.person_id AND v.result = '当选')
),
-- In office by an election that does not bear it out. An election without candidates on record proves nothing against him.
unelected AS (
    SELECT t.election_id, t.village_id, t.person_id, '书记' AS what,
        '（' || t.tenure_id || '，' || day_in_words(t.started_on) || '任职）' || CASE
            WHEN e.kind NOT IN ('党组织换届', '党组织补选') THEN '所填的' || t.election_id || '是' || e.kind || '，不是党组织选举'
            WHEN e.village_id <> t.village_id THEN '所填的' || t.election_id || '是别的村（社区）的选举'
            WHEN e.outcome <> '成功' THEN '所填的' || t.election_id || '没有成功（' || e.outcome || '）'
            ELSE '在所填的' || t.election_id || '中没有当选书记' END AS problem,
        'tenures' AS _table, 'election_id' AS _column, t._file, t._line
    FROM tenures AS t JOIN elections AS e USING (election_id)
    LEFT JOIN (
        SELECT election_id, coalesce(list(person_id) FILTER (WHERE status = '当选' AND post = '党组织书记'), []) AS winners
        FROM election_candidates GROUP BY election_id
    ) AS c USING (election_id)
    WHERE t.post = '党组织书记' AND t.origin = '选举产生'
      AND (e.kind NOT IN ('党组织换届', '党组织补选') OR e.village_id <> t.village_id OR e.outcome <> '成功'
           OR NOT list_contains(coalesce(c.winners, [t.person_id]), t.person_id))
)
SELECT f.* REPLACE (in_place(f.what, v.kind) AS what, in_place(f.problem, v.kind) AS problem), v.name AS village_name, coalesce(p.name, f.person_id) AS person_name
FROM (SELECT * FROM short UNION ALL BY NAME SELECT * FROM unvoted UNION ALL BY NAME SELECT * FROM unelected) AS f
LEFT JOIN villages AS v ON v.village_id = f.village_id LEFT JOIN people AS p ON p.person_id = f.person_id
