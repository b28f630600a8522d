/*
id: R79
title: 民主测评有票数，满意率按票数计算
severity: warning
clause: [selection#8, selection#19]
complete: elections
table: inspection_votes
column: returned
message: "{village_name}考察对象{person_name}的民主测评：{problem}。"
remedy: "请按测评票汇总表核对：收回的不多于发出的，各项票数之和不多于收回的；依据中的满意率是满意票除以收回票。"
*/
-- The rate is what the evidence says in words; the votes are what it stands on. As exact as it is written, either way at a half.
WITH quoted AS (
    SELECT r.election_id, r.person_id, try_cast(regexp_extract(r.evidence, '测评满意率为?([0-9.]+)%', 1) AS DOUBLE) AS rate,
        CASE WHEN regexp_matches(r.evidence, '测评满意率为?[0-9]+\.[0-9]') THEN 0.051 ELSE 0.51 END AS slack, r._file, r._line
    FROM inspection_ratings AS r WHERE regexp_matches(r.evidence, '测评满意率为?[0-9]')
), wrong AS (
    SELECT election_id, person_id, 'error' AS _severity, 'inspection_votes' AS _table, _file, _line,
        CASE WHEN returned > issued THEN 'returned' ELSE 'satisfied' END AS _column,
        CASE WHEN returned > issued THEN '收回' || returned || '张多于发出' || issued || '张'
            ELSE '各项票数合计' || (satisfied + fairly + dissatisfied + unknown) || '张多于收回' || returned || '张' END AS problem
    FROM inspection_votes WHERE returned > issued OR satisfied + fairly + dissatisfied + unknown > returned
    UNION ALL
    SELECT q.election_id, q.person_id, 'warning', 'inspection_ratings', q._file, q._line, 'evidence',
        CASE WHEN n.person_id IS NULL THEN '依据写满意率' || as_figure(q.rate) || '%，没有登记测评票数'
            ELSE '满意票' || fraction(n.satisfied, n.returned) || '，依据写' || as_figure(q.rate) || '%' END
    FROM quoted AS q LEFT JOIN inspection_votes AS n USING (election_id, person_id)
    WHERE n.person_id IS NULL OR abs(100.0 * n.satisfied - q.rate * n.returned) > q.slack * n.returned
)
SELECT w.*, coalesce(v.name, e.village_id) AS village_name, coalesce(p.name, w.person_id) AS person_name, e.village_id
FROM wrong AS w JOIN elections AS e USING (election_id) LEFT JOIN villages AS v ON v.village_id = e.village_id LEFT JOIN people AS p USING (person_id)
