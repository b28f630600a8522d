/*
id: R70
title: 党务公开次数达到规定
severity: warning
clause: assessment#11
table: appraisals
column: openness_times
message: "{village_name}书记{person_name}{year}年度党务公开{times}次，少于规定的{least}次。"
remedy: "请核对公开记录；确实不够的，督促按季度公开。"
*/
-- By what was asked on the last day of the year; told once the year is over and a figure was entered.
SELECT a.appraisal_id, a.person_id, a.village_id, s.township_id, coalesce(s.village_name, a.village_id) AS village_name,
    coalesce(s.person_name, a.person_id) AS person_name, a.year, a.openness_times AS times,
    param_count('openness_times_min', year_end(a.year)) AS least, a._file, a._line
FROM build CROSS JOIN appraisals AS a JOIN appraisal_summary AS s USING (appraisal_id)
WHERE year_end(a.year) < as_of AND a.openness_times < param_count('openness_times_min', year_end(a.year))
