/*
title: 统计指标数值
description: 每个统计时点、全市和每个乡镇（街道）的各项指标，按现有记录重新计算；与已发布的统计数据核对用的就是它。
rows:
  public: indicator_id IN (SELECT indicator_id FROM indicators WHERE open_to_public)
erased: counted
fields:
  reference_date: {title: 统计时点, sensitivity: public}
  org_id: {title: 机构编号, sensitivity: public}
  org_name: {title: 统计范围, sensitivity: public}
  whole: {title: 是否全市, sensitivity: public}
  indicator_id: {title: 指标编号, sensitivity: public}
  title: {title: 指标, sensitivity: public}
  system: {title: 所属机制, sensitivity: public}
  kind: {title: 指标类型, sensitivity: public}
  unit: {title: 单位, sensitivity: public}
  decimals: {title: 小数位数, sensitivity: public}
  sort_order: {title: 排列次序, sensitivity: public}
  numerator: {title: 分子, sensitivity: public, unless: few}
  denominator: {title: 分母, sensitivity: public, unless: few}
  value: {title: 数值, sensitivity: public, unless: few}
  few: {title: 是否不足以公开, description: 同“队伍结构”；其他指标在同一时点、同一层级有一个不足规定的人数的，都不列。, sensitivity: internal}
*/
-- Everything is first counted per township, and the offices above are sums of numerators and of denominators:
-- a share or an average is worked out once, at the end, never summed.
WITH scope AS (
    SELECT DISTINCT org_id, org_name, whole FROM structure
), dates AS (
    SELECT reference_date, date_trunc('year', reference_date)::DATE AS year_start FROM reference_dates
), secretary AS (
    SELECT reference_date, township_id, count(*) AS persons, count(DISTINCT village_id) AS filled,
        sum(age) AS age, count(age) AS aged
    FROM secretaries_at GROUP BY ALL
), trained AS (
    -- Classes that ended in the year of the reference date, up to that day.
    SELECT s.reference_date, s.township_id,
        count(DISTINCT s.person_id) FILTER (WHERE c.level >= '市级'::training_classes_level) AS persons,
        sum(a.days) AS days
    FROM secretaries_at AS s
    JOIN dates AS d USING (reference_date)
    JOIN attendance AS a ON a.person_id = s.person_id AND a.result <> '缺课'
    JOIN training_classes AS c ON c.class_id = a.class_id AND c.ended_on BETWEEN d.year_start AND d.reference_date
    GROUP BY ALL
), village AS (
    SELECT d.reference_date, v.township_id, count(*) AS villages
    FROM villages AS v JOIN dates AS d ON in_office(v.valid_from, v.valid_to, d.reference_date)
    GROUP BY ALL
), reserved AS (
    SELECT d.reference_date, v.township_id, count(*) AS persons, count(*) FILTER (WHERE v.poor) AS poor
    FROM reserve AS r JOIN villages AS v USING (village_id)
    JOIN dates AS d ON in_office(r.entered_on, r.exited_on, d.reference_date)
    GROUP BY ALL
), posted AS (
    SELECT d.reference_date, v.township_id,
        count(*) FILTER (WHERE in_office(f.started_on, f.ended_on, d.reference_date)) AS persons,
        count(*) FILTER (WHERE f.end_reason = '提拔任用' AND f.ended_on BETWEEN d.year_start AND d.reference_date) AS promoted,
        count(*) FILTER (WHERE f.end_reason = '召回' AND f.ended_on BETWEEN d.year_start AND d.reference_date) AS recalled
    FROM first_secretaries AS f JOIN villages AS v USING (village_id) CROSS JOIN dates AS d
    GROUP BY ALL
), posted_trained AS (
    SELECT d.reference_date, v.township_id, count(DISTINCT f.person_id) AS persons
    FROM first_secretaries AS f JOIN villages AS v USING (village_id)
    JOIN attendance AS a ON a.person_id = f.person_id AND a.result <> '缺课'
    JOIN training_classes AS c USING (class_id)
    JOIN dates AS d ON c.ended_on BETWEEN d.year_start AND d.reference_date
        AND f.started_on <= c.ended_on AND (f.ended_on IS NULL OR f.ended_on > c.started_on)
    GROUP BY ALL
), audited AS (
    SELECT d.reference_date, v.township_id, a.kind, count(*) AS audits
    FROM audits AS a JOIN villages AS v USING (village_id)
    JOIN dates AS d ON a.reported_on BETWEEN d.year_start AND d.reference_date
    GROUP BY ALL
), paid AS (
    -- Pay of the whole year before, which is settled by then.
    SELECT d.reference_date, p.org_id AS township_id, sum(p.amount) AS amount,
        sum(p.recipients) FILTER (WHERE p.kind = '基本报酬') AS persons
    FROM pay_totals AS p JOIN dates AS d ON p.year = year(d.reference_date) - 1
    GROUP BY ALL
), measured AS (
    SELECT reference_date, township_id, 'secretaries' AS indicator_id, persons AS numerator, NULL AS denominator FROM secretary
    UNION ALL SELECT reference_date, township_id, 'average_age', age, aged FROM secretary
    UNION ALL SELECT reference_date, township_id, 'villages', villages, NULL FROM village
    UNION ALL SELECT v.reference_date, v.township_id, 'vacant', v.villages - coalesce(s.filled, 0), NULL
        FROM village AS v LEFT JOIN secretary AS s USING (reference_date, township_id)
    UNION ALL SELECT reference_date, township_id, 'reserve_count', persons, NULL FROM reserved
    UNION ALL SELECT reference_date, township_id, 'reserve_poor', poor, NULL FROM reserved
    UNION ALL SELECT reference_date, township_id, 'first_posted', persons, NULL FROM posted
    UNION ALL SELECT reference_date, township_id, 'first_promoted', promoted, NULL FROM posted
    UNION ALL SELECT reference_date, township_id, 'first_recalled', recalled, NULL FROM posted
    UNION ALL SELECT reference_date, township_id, 'first_trained', persons, NULL FROM posted_trained
    UNION ALL SELECT reference_date, township_id, 'trained_count', persons, NULL FROM trained
    UNION ALL SELECT reference_date, township_id,
        CASE kind WHEN '任中审计' THEN 'audits_mid' WHEN '任期审计' THEN 'audits_term' ELSE 'audits_departure' END, audits, NULL
        FROM audited
    UNION ALL SELECT reference_date, township_id, 'pay_average', amount, persons FROM paid
    -- Per secretary in office, whether or not trained.
    UNION ALL SELECT s.reference_date, s.township_id, 'trained_share', coalesce(t.persons, 0), s.persons
        FROM secretary AS s LEFT JOIN trained AS t USING (reference_date, township_id)
    UNION ALL SELECT s.reference_date, s.township_id, 'training_days_average', coalesce(t.days, 0), s.persons
        FROM secretary AS s LEFT JOIN trained AS t USING (reference_date, township_id)
), summed AS (
    SELECT m.reference_date, o.org_id, m.indicator_id, sum(m.numerator)::DOUBLE AS numerator, sum(m.denominator)::DOUBLE AS denominator
    FROM measured AS m JOIN offices AS o USING (township_id) GROUP BY ALL
    UNION ALL SELECT reference_date, org_id, count_id, persons, NULL FROM structure
    UNION ALL SELECT reference_date, org_id, share_id, persons, total FROM structure
), hidden AS (
    SELECT reference_date, org_id, unnest([count_id, share_id]) AS indicator_id, few FROM structure
)
SELECT d.reference_date, s.org_id, s.org_name, s.whole,
    i.indicator_id, i.title, i.system, i.kind, i.unit, i.decimals, i.sort_order,
    coalesce(m.numerator, 0) AS numerator,
    CASE WHEN i.kind <> '数量' THEN coalesce(m.denominator, 0) END AS denominator,
    CASE i.kind
        WHEN '数量' THEN coalesce(m.numerator, 0)
        WHEN '占比' THEN share_of(m.numerator, m.denominator, i.decimals)
        ELSE CASE WHEN m.denominator > 0 THEN rounded(m.numerator / m.denominator, i.decimals) END
    END AS value,
    coalesce(h.few, i.indicator_id NOT IN ('secretaries', 'villages', 'average_age')
        AND bool_or(CASE WHEN i.kind = '平均数' THEN is_few(m.denominator, NULL) ELSE is_few(m.numerator, m.denominator) END) OVER (PARTITION BY d.reference_date, i.indicator_id, s.whole)) AS few
FROM dates AS d CROSS JOIN scope AS s CROSS JOIN indicators AS i
LEFT JOIN summed AS m ON m.reference_date = d.reference_date AND m.org_id = s.org_id AND m.indicator_id = i.indicator_id
LEFT JOIN hidden AS h ON h.reference_date = d.reference_date AND h.org_id = s.org_id AND h.indicator_id = i.indicator_id
