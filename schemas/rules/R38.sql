/*
id: R38
title: 队伍结构达到目标
severity: warning
clause: [structure#11, structure#7, structure#8, structure#9]
complete: all
table: policy_goals
column: value
message: "全市{title}现为{actual}，{level}目标{direction}{target}{short}。"
remedy: "请从后备力量中有针对性地补充，或者在换届时调整结构。"
*/
-- Against the goals in force today, for the city as a whole; townships stand beside it on the pages.
SELECT g._file, g._line, t.indicator_id, t.org_id, t.title, t.level, t.direction, t.value, t.goal,
    concat(as_figure(t.value), t.unit) AS actual, concat(as_figure(t.goal), t.unit) AS target,
    CASE WHEN t.persons_short > 0 THEN '，相差' || t.persons_short || '人' ELSE '' END AS short
FROM structure_against_targets AS t
JOIN policy_goals AS g ON g.policy_id = t.policy_id AND g.indicator_id = t.indicator_id AND g.level = t.level
    AND g.direction = t.direction AND g.value = t.goal AND g.effective_from <= t.reference_date
    AND (g.effective_to IS NULL OR g.effective_to >= t.reference_date)
WHERE t.is_now AND t.whole AND NOT t.met
