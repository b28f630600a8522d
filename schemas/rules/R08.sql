/*
id: R08
title: 简历前后衔接、与任职一致
severity: warning
clause: [records#9, records#10]
complete: tenures
table: person_resume
column: started
message: "{name}（{person_id}）的简历{problem}。"
remedy: "请补全或者改正简历的起止年月；任职记录有误的，改正任职记录。"
*/
WITH entry AS (
    SELECT r._file, r._line, r.person_id, r.ordinal, r.started, r.ended, r.village_id, r.post, p.name, p.deceased_on, as_of,
        first_day(r.started) AS starts, first_day(r.ended) AS ends,
        lag(r.started) OVER line AS before_started, lag(r.ended) OVER line AS before_ended,
        lead(r.ordinal) OVER line IS NULL AS is_last
    FROM person_resume AS r JOIN people AS p USING (person_id), build
    WINDOW line AS (PARTITION BY r.person_id ORDER BY r.ordinal)
), tenure AS (
    SELECT t.*, p.name, p._file AS person_file, p._line AS person_line, as_of,
        date_trunc('month', t.started_on)::DATE AS starts,
        date_trunc('month', least(coalesce(t.ended_on, as_of), as_of))::DATE AS ends
    FROM tenures AS t JOIN people AS p USING (person_id), build WHERE t.started_on <= as_of
), uncovered AS (
    -- One entry may cover several terms running on, so each tenure is looked for by its first and its last month.
    SELECT t.tenure_id, NOT coalesce(bool_or(r.starts <= t.starts AND (r.ends IS NULL OR r.ends >= t.starts)), false) AS at_start,
        NOT coalesce(bool_or(r.starts <= t.ends AND (r.ends IS NULL OR r.ends >= t.ends)), false) AS at_end
    FROM tenure AS t LEFT JOIN entry AS r ON r.person_id = t.person_id AND r.village_id = t.village_id AND r.post = t.post
    WHERE t.post = '党组织书记'
    GROUP BY t.tenure_id
)
SELECT _file, _line, 'person_resume' AS _table, 'started' AS _column, person_id, name, village_id,
    '第' || ordinal || '段（' || day_in_words(started) || '起）' || CASE
        WHEN before_ended IS NULL THEN '前面一段（' || day_in_words(before_started) || '起）没有截止年月'
        WHEN starts < first_day(before_ended) THEN '与前一段重叠，前一段到' || day_in_words(before_ended) || '才结束'
        ELSE '与前一段不衔接，前一段到' || day_in_words(before_ended) || '为止' END AS problem
FROM entry
WHERE before_started IS NOT NULL
    AND (before_ended IS NULL
        OR months_between(first_day(before_ended), starts) NOT BETWEEN 0 AND param_number('resume_gap_months', as_of))
UNION ALL
SELECT _file, _line, 'person_resume', 'ended', person_id, name, village_id,
    '第' || ordinal || '段' || CASE WHEN ends < starts THEN '的截止年月' || day_in_words(ended) || '早于起始年月' || day_in_words(started)
        ELSE '是最后一段，截止到' || day_in_words(ended) || '，此后没有填写' END
FROM entry
WHERE ends < starts
    OR (is_last AND deceased_on IS NULL AND months_between(ends, as_of) > param_number('resume_gap_months', as_of))
UNION ALL
SELECT t.person_file, t.person_line, 'people', 'person_id', t.person_id, t.name, t.village_id,
    '没有写明' || CASE WHEN u.at_start AND u.at_end THEN '' WHEN u.at_start THEN '开始时' ELSE '结束时' END
        || '任' || coalesce(v.name, t.village_id) || in_place(t.post, v.kind) || '的经历（任职' || t.tenure_id || '：' || day_in_words(t.started_on)
        || coalesce('至' || day_in_words(t.ended_on), '起') || '）'
FROM tenure AS t JOIN uncovered AS u USING (tenure_id) LEFT JOIN villages AS v ON v.village_id = t.village_id
WHERE u.at_start OR u.at_end
UNION ALL
-- The other way round: a post in a village, since records began, that no tenure knows of. The month that is running is
-- left out: within it the tenure may begin after the day looked at.
SELECT e._file, e._line, 'person_resume', 'post', e.person_id, e.name, e.village_id,
    '第' || e.ordinal || '段写' || day_in_words(e.started) || coalesce('至' || day_in_words(e.ended), '起') || '任' || in_place(e.post, v.kind) || '，没有对应的任职记录'
FROM entry AS e LEFT JOIN villages AS v ON v.village_id = e.village_id
WHERE e.village_id IS NOT NULL AND e.post IS NOT NULL AND coalesce(e.ends, as_of) >= param_date('register_from', as_of)
    AND e.starts < date_trunc('month', e.as_of) AND NOT EXISTS (
        SELECT 1 FROM tenure AS t
        WHERE t.person_id = e.person_id AND t.village_id = e.village_id AND t.post = e.post
            AND t.starts <= coalesce(e.ends, e.as_of) AND t.ends >= e.starts
    )
