/*
id: R37
title: 发布的统计与重新计算一致
severity: error
clause: structure#10
complete: all
table: statistics
column: value
dated: reference_date
message: "{snapshot_title}（{snapshot_id}）中{org_name}的“{indicator_title}”发布为{published}，按{reference_date}的记录重新计算是{recomputed}。"
remedy: "记录后来有更正的，另发一次更正的统计报告并填写所更正的报告；数字抄错的，核对原报告。"
*/
-- A report that a later one of the same day of reference puts right stays as it was published, and is no longer held
-- against the records; two that replace each other, or one that replaces itself, get round nothing. Nor is one of a day when
-- somebody was in office whose record was erased and is gone: what was counted of him is nowhere but in the report.
WITH report AS (
    SELECT snapshot_id, title, reference_date FROM snapshots, build
    WHERE published_on <= as_of
        AND snapshot_id NOT IN (
            SELECT old.snapshot_id FROM snapshots AS old JOIN snapshots AS new ON new.replaces = old.snapshot_id, build
            WHERE new.published_on <= as_of AND new.reference_date = old.reference_date
                AND (new.published_on, new.snapshot_id) > (old.published_on, old.snapshot_id)
        )
        AND reference_date NOT IN (
            SELECT d.reference_date FROM erasures AS e JOIN tenures AS t ON e.table_name = 'people' AND t.person_id = e.record_key
            ANTI JOIN people AS p ON p.person_id = t.person_id
            JOIN snapshots AS d ON in_office(t.started_on, t.ended_on, d.reference_date)
        )
), compared AS (
    SELECT s._file, s._line, s.snapshot_id, s.org_id, s.indicator_id, r.title AS snapshot_title, r.reference_date,
        coalesce(v.org_name, o.short_name, s.org_id) AS org_name, coalesce(i.title, s.indicator_id) AS indicator_title,
        s.value AS published, v.value AS recomputed, s.numerator, v.numerator AS counted, s.denominator, v.denominator AS total
    FROM statistics AS s JOIN report AS r USING (snapshot_id)
    LEFT JOIN indicator_values AS v ON v.reference_date = r.reference_date AND v.org_id = s.org_id AND v.indicator_id = s.indicator_id
    LEFT JOIN indicators AS i ON i.indicator_id = s.indicator_id
    LEFT JOIN organisations AS o ON o.org_id = s.org_id
)
SELECT _file, _line,
    CASE WHEN recomputed IS NULL OR abs(published - recomputed) > 1e-6 THEN 'value'
        WHEN abs(numerator - counted) > 1e-6 THEN 'numerator' ELSE 'denominator' END AS _column,
    snapshot_id, org_id, indicator_id, snapshot_title, reference_date, org_name, indicator_title,
    concat(as_figure(published), '（' || as_figure(numerator) || '/' || as_figure(denominator) || '）') AS published,
    CASE WHEN recomputed IS NULL THEN '没有结果' ELSE concat(as_figure(recomputed), '（' || as_figure(counted) || '/' || as_figure(total) || '）') END AS recomputed
FROM compared
WHERE recomputed IS NULL OR abs(published - recomputed) > 1e-6
    OR abs(numerator - counted) > 1e-6 OR abs(denominator - total) > 1e-6
