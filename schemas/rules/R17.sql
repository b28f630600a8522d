/*
id: R17
title: “双高双强”四项都有评定和依据
severity: warning
clause: selection#8
complete: elections
table: tenures
column: election_id
message: "{village_name}书记{name}（{person_id}，{started_on}任职）{problem}。"
remedy: "请在选任记录的考察部分，对四项标准分别填写评定等次和事实依据。"
*/
-- Every way into office has an inspection: elected, appointed or sent. Asked since the clause is in force.
WITH criteria AS (
    SELECT unnest(['政治素质高', '群众威信高', '带头致富能力强', '带领群众共同致富能力强']) AS criterion,
        unnest([1, 2, 3, 4]) AS ordinal
), secretary AS (
    SELECT s.*, p.name FROM secretary_tenures AS s LEFT JOIN people AS p USING (person_id), build
    WHERE s.started_on BETWEEN (SELECT min(effective_from) FROM policies WHERE policy_id = 'selection') AND as_of
), rated AS (
    SELECT s.tenure_id,
        list(c.criterion ORDER BY c.ordinal) FILTER (WHERE r.rating IS NULL) AS unrated,
        list(c.criterion ORDER BY c.ordinal) FILTER (WHERE r.rating IS NOT NULL AND coalesce(trim(r.evidence), '') = '') AS bare
    FROM secretary AS s CROSS JOIN criteria AS c
    -- A repeated election stands on the inspection of the attempt that failed.
    LEFT JOIN (
        SELECT election_id, person_id, criterion, rating, evidence FROM inspection_ratings
        UNION ALL
        SELECT k.election_id, i.person_id, i.criterion, i.rating, i.evidence
        FROM election_chain AS k JOIN inspection_ratings AS i ON i.election_id = k.source_id AND k.source_id <> k.election_id
    ) AS r ON r.election_id = s.election_id AND r.person_id = s.person_id AND r.criterion = c.criterion
    GROUP BY s.tenure_id
)
SELECT s._file, s._line, s.tenure_id, s.person_id, s.village_id, s.township_id, s.village_name, s.name, s.started_on, s.election_id,
    CASE WHEN s.election_id IS NULL THEN '没有填写选任编号，查不到考察情况'
        ELSE concat_ws('；', '缺少评定：' || array_to_string(r.unrated, '、'), '缺少依据：' || array_to_string(r.bare, '、')) END AS problem
FROM secretary AS s JOIN rated AS r USING (tenure_id)
WHERE s.election_id IS NULL OR r.unrated IS NOT NULL OR r.bare IS NOT NULL
