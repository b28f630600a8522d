/*
id: R81
title: 考核得分按目标得分和测评得分计算
severity: error
clause: [scoring#3, scoring#4, scoring#2]
complete: [targets, villages]
table: appraisals
column: score
message: "{village_name}书记{person_name}{year}年度{problem}。"
remedy: "请按考核类别核对目标得分、民主测评票数和占比，改正得分；类别没有登记的先登记类别。"
*/
-- Judged when the village's targets of the year are all assessed and there are votes; a tenth of a point is a slip.
SELECT s.appraisal_id, s.person_id, s.village_id, coalesce(s.village_name, s.village_id) AS village_name,
    coalesce(s.person_name, s.person_id) AS person_name, s.year,
    CASE WHEN s.category IS NULL THEN '考核得分' || as_figure(s.score) || '无法核对，没有登记村（社区）的考核类别'
        ELSE '考核得分' || as_figure(s.score) || '，按' || s.category || '类目标得分' || as_figure(s.target_score) || '占' || as_percent(s.target_share)
            || '、民主测评得分' || as_figure(s.vote_score) || '占' || as_percent(1 - s.target_share) || '计算是' || as_figure(s.score_due) END AS problem,
    a._file, a._line
FROM appraisal_summary AS s JOIN appraisals AS a USING (appraisal_id)
WHERE param('target_share_plain', year_end(s.year)) IS NOT NULL AND s.target_score IS NOT NULL AND s.vote_score IS NOT NULL
  AND (s.category IS NULL AND s.score IS NOT NULL OR abs(s.score - s.score_due) > 0.05)
