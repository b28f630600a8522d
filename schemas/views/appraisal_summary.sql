/*
title: 述职评议考核情况
description: 每次考核的两项述职、期限、三类人员的测评票、得分、等次和监督评价。
fields:
  appraisal_id: {title: 考核编号, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  person_name: {title: 姓名, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  township_name: {title: 乡镇（街道）, sensitivity: internal}
  tenure_id: {title: 任职编号, sensitivity: internal}
  year: {title: 年度, sensitivity: internal}
  report_deadline: {title: 述职期限, sensitivity: internal}
  reports_township_date: {title: 向乡镇党委述职, sensitivity: internal}
  reports_members_date: {title: 向党员群众述职, sensitivity: internal}
  both_in_time: {title: 两项都按期, sensitivity: internal}
  issued: {title: 发出票, sensitivity: internal}
  returned: {title: 收回票, sensitivity: internal}
  excellent: {title: 优秀票, sensitivity: internal}
  competent: {title: 称职票, sensitivity: internal}
  basic: {title: 基本称职票, sensitivity: internal}
  incompetent: {title: 不称职票, sensitivity: internal}
  satisfied_share: {title: 优秀和称职占比（%）, sensitivity: internal}
  worst_body: {title: 不称职票比例最高的人员, sensitivity: internal}
  worst_incompetent: {title: 该类不称职票, sensitivity: internal}
  worst_returned: {title: 该类收回票, sensitivity: internal}
  worst_share: {title: 该类不称职比例, sensitivity: internal}
  category: {title: 考核类别, sensitivity: internal}
  target_score: {title: 目标得分, sensitivity: internal}
  target_share: {title: 目标得分占比, sensitivity: internal}
  vote_score: {title: 民主测评得分, sensitivity: internal}
  score: {title: 考核得分, sensitivity: internal}
  score_due: {title: 应得分, description: 按目标得分、民主测评得分和该类村（社区）的占比计算。, sensitivity: internal}
  grade: {title: 考核等次, sensitivity: internal}
  decided_on: {title: 等次确定日期, sensitivity: internal}
  years_incompetent: {title: 连续不称职年数, sensitivity: internal}
  integrity_result: {title: 廉政评价, sensitivity: internal}
  openness_times: {title: 党务公开次数, sensitivity: internal}
  openness_result: {title: 党务公开评价, sensitivity: internal}
  procedure_result: {title: 议事决策评价, sensitivity: internal}
  feedback_on: {title: 反馈日期, sensitivity: internal}
  adjustment_asked: {title: 是否应当启动调整, sensitivity: internal}
  asked_on: {title: 应当启动的日期, sensitivity: internal}
*/
WITH points AS (
    SELECT year, param_decimal('vote_points_excellent', year_end(year)) AS excellent_points,
        param_decimal('vote_points_competent', year_end(year)) AS competent_points, param_decimal('vote_points_basic', year_end(year)) AS basic_points,
        MAP {'城区': param_decimal('target_share_urban', year_end(year)), '平川': param_decimal('target_share_plain', year_end(year)),
            '山区': param_decimal('target_share_hill', year_end(year))} AS target_shares
    FROM (SELECT DISTINCT year FROM appraisals)
),
tallies AS (
    SELECT appraisal_id, avg((100 * excellent_points * excellent + 100 * competent_points * competent + 100 * basic_points * basic) / returned)
            FILTER (returned > 0) / 100 AS vote_score, sum(issued)::BIGINT AS issued, sum(returned)::BIGINT AS returned, sum(excellent)::BIGINT AS excellent,
        sum(competent)::BIGINT AS competent, sum(basic)::BIGINT AS basic, sum(incompetent)::BIGINT AS incompetent,
        -- One third is asked of each body by itself, so the worst of them decides.
        arg_max(body, (incompetent / returned, body)) FILTER (returned > 0) AS worst_body,
        arg_max(incompetent, (incompetent / returned, body)) FILTER (returned > 0) AS worst_incompetent,
        arg_max(returned, (incompetent / returned, body)) FILTER (returned > 0) AS worst_returned
    FROM appraisal_tallies JOIN appraisals AS a USING (appraisal_id) JOIN points USING (year) GROUP BY appraisal_id
),
-- Years running: the difference between the year and its place among the bad years is the same within one run.
bad AS (
    SELECT appraisal_id, person_id, year, year - row_number() OVER (PARTITION BY person_id ORDER BY year) AS run
    FROM appraisals WHERE grade = '不称职'
),
running AS (
    SELECT appraisal_id, row_number() OVER (PARTITION BY person_id, run ORDER BY year) AS years_incompetent FROM bad
),
dated AS (
    SELECT a.*, coalesce(a.decided_on, a.reports_members_date, a.reports_township_date, year_end(a.year)) AS on_date,
        -- The parameter gives month and day in the year after.
        TRY_CAST((a.year + 1) || '-' || param('report_deadline', year_end(a.year)) AS DATE) AS report_deadline
    FROM build CROSS JOIN appraisals AS a
    WHERE coalesce(least(a.reports_township_date, a.reports_members_date, a.decided_on), year_end(a.year - 1)) <= as_of
)
SELECT a.appraisal_id, a.person_id, p.name AS person_name, a.village_id, v.name AS village_name, v.township_id, o.short_name AS township_name,
    a.tenure_id, a.year, a.report_deadline, a.reports_township_date, a.reports_members_date,
    -- What is told of a year is not told before it.
    coalesce(greatest(a.reports_township_date, a.reports_members_date) <= a.report_deadline
        AND year(least(a.reports_township_date, a.reports_members_date)) >= a.year
        AND a.reports_township_date IS NOT NULL AND a.reports_members_date IS NOT NULL, false) AS both_in_time,
    t.issued, t.returned, t.excellent, t.competent, t.basic, t.incompetent,
    share_of(t.excellent + t.competent, t.returned, 1) AS satisfied_share,
    t.worst_body, t.worst_incompetent, t.worst_returned, part_of(t.worst_incompetent, t.worst_returned) AS worst_share,
    v.category, g.score_total AS target_score, q.target_shares[v.category]::DOUBLE AS target_share, rounded(t.vote_score, 1) AS vote_score,
    a.score, rounded(g.score_total * target_share + rounded(t.vote_score, 1) * (1 - target_share), 1) AS score_due, a.grade::VARCHAR AS grade, a.decided_on, coalesce(r.years_incompetent, 0) AS years_incompetent,
    a.integrity_result::VARCHAR AS integrity_result, a.openness_times, a.openness_result::VARCHAR AS openness_result,
    a.procedure_result::VARCHAR AS procedure_result, a.feedback_on,
    coalesce(t.worst_incompetent >= param_decimal('incompetent_share', a.on_date) * t.worst_returned, false)
        OR coalesce(r.years_incompetent >= param_number('incompetent_years', a.on_date), false) AS adjustment_asked,
    a.on_date AS asked_on
FROM dated AS a
LEFT JOIN tallies AS t ON t.appraisal_id = a.appraisal_id
LEFT JOIN target_years AS g ON g.village_id = a.village_id AND g.year = a.year AND g.complete
LEFT JOIN points AS q ON q.year = a.year
LEFT JOIN running AS r ON r.appraisal_id = a.appraisal_id
LEFT JOIN people AS p ON p.person_id = a.person_id
LEFT JOIN villages AS v ON v.village_id = a.village_id
LEFT JOIN organisations AS o ON o.org_id = v.township_id
