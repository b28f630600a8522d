/*
id: R84
title: 实发报酬的结构与方案相近
severity: warning
clause: [support-2022#4, pay#4]
complete: pay_totals
table: pay_totals
column: amount
message: "{org_name}{year}年实发报酬：{problem}。"
remedy: "请核对三类报酬的合计；确有原因的说明，没有兑现的补发。"
*/
-- Asked when the last part of the year is settled: until then the parts that come at its end are lacking.
SELECT s.org_id, s.org_name, s.year,
    '基本' || as_percent(s.base_share / 100) || '、绩效' || as_percent(s.performance_share / 100) || '、奖励' || as_percent(s.reward_share / 100) || '，方案是'
        || as_figure(s.base_percent) || '%、' || as_figure(s.performance_percent) || '%、' || as_figure(s.reward_percent) || '%，相差超过' || s.points || '个百分点' AS problem,
    t._file, t._line
FROM (SELECT *, param_count('pay_share_points', year_end(year)) AS points FROM pay_summary WHERE settled_on IS NOT NULL) AS s
JOIN pay_totals AS t ON t.org_id = s.org_id AND t.year = s.year AND t.kind = '基本报酬'
WHERE greatest(abs(s.base_share - s.base_percent), abs(coalesce(s.performance_share, 0) - s.performance_percent),
    abs(coalesce(s.reward_share, 0) - s.reward_percent)) > s.points + 1e-6
