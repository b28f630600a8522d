/*
id: R10
title: 一村同时只有一名书记
severity: error
clause: selection#3
table: tenures
column: started_on
message: "{village_name}的书记任职{tenure_id}（{name}，{period}）{problem}。"
remedy: "请核对任职日期和离任日期；前任离任的、村（社区）撤销的，补填离任日期。"
*/
-- The day of leaving belongs to the successor. Each tenure is held against the longest of all before it, so that a
-- short one in between hides nothing, and each overlap is told once, at the later of the two.
WITH ordered AS (
    SELECT s.*, p.name,
        day_in_words(s.started_on) || coalesce('至' || day_in_words(s.ended_on), '起') AS period,
        max(coalesce(s.ended_on, DATE '9999-12-31')) OVER earlier AS until,
        arg_max(s.tenure_id, coalesce(s.ended_on, DATE '9999-12-31')) OVER earlier AS other_id
    FROM secretary_tenures AS s LEFT JOIN people AS p USING (person_id)
    WINDOW earlier AS (
        PARTITION BY s.village_id ORDER BY s.started_on, s.tenure_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
)
SELECT o._file, o._line, 'started_on' AS _column, o.tenure_id, o.person_id, o.village_id, o.village_name, o.name, o.period, o.other_id AS other_tenure_id,
    '与' || o.other_id || '（' || coalesce(q.name, q.person_id) || '，' || day_in_words(q.started_on) || coalesce('至' || day_in_words(q.ended_on), '起') || '）重叠'
    AS problem
FROM ordered AS o
JOIN (SELECT s.*, p.name FROM secretary_tenures AS s LEFT JOIN people AS p USING (person_id)) AS q ON q.tenure_id = o.other_id
WHERE o.started_on < o.until
UNION ALL
SELECT _file, _line, 'ended_on', tenure_id, person_id, village_id, village_name, name, period, NULL, '的离任日期早于任职日期'
FROM ordered WHERE ended_on < started_on
UNION ALL
-- Nobody leads a village that is no more, or is not yet.
SELECT o._file, o._line, CASE WHEN o.started_on < v.valid_from THEN 'started_on' ELSE 'ended_on' END, o.tenure_id, o.person_id, o.village_id,
    o.village_name, o.name, o.period, NULL,
    CASE WHEN o.started_on < v.valid_from THEN '早于村（社区）的设立日期' || day_in_words(v.valid_from)
        ELSE '超出村（社区）的撤销日期' || day_in_words(v.valid_to) END
FROM ordered AS o JOIN villages AS v USING (village_id), build
WHERE o.started_on < v.valid_from OR (v.valid_to <= as_of AND coalesce(o.ended_on, as_of + 1) > v.valid_to)
