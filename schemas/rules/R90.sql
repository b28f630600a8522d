/*
id: R90
title: 换届环节按期完成
severity: warning
clause: [term-2026#2, term-2026#3]
complete: elections
table: villages
column: village_id
message: "{village_name}换届的{stage}应在{due_on}以前完成，已逾期{days_late}天。"
remedy: "请查明原因，抓紧办理；已经完成的，补填环节的日期。"
*/
-- Done late is history and stands on the page; only what is still open can be hurried.
SELECT p.village_id, v.name AS village_name, p.stage, p.due_on, p.days_late, v._file, v._line
FROM term_progress AS p JOIN villages AS v USING (village_id) WHERE p.done_on IS NULL AND p.days_late > 0
