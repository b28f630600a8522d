/*
id: R36
title: 受理、审查、补正不超过时限
severity: warning
clause: [filing#16, filing#15]
table: filing_steps
column: date
message: "{village_name}{name}（{person_id}）的{kind}{filing_id}：{from_state}后应在{days}个工作日内（{due_on}前）{task}，{problem}。"
remedy: "请{office}抓紧办理；已经办理的，补填这一步。"
*/
-- What is done late, and what is still not done: both are measured in working days from the step that started the limit.
-- Handing in for the first time is R32's.
SELECT t._file, t._line, t.filing_id, s.person_id, s.village_id, s.township_id, s.tenure_id, s.village_name, s.person_name AS name, s.kind,
    CASE t.deadline WHEN 'review_working_days' THEN '受理' ELSE t.from_state END AS from_state,
    t.limit_days AS days, t.due_on,
    CASE t.deadline WHEN 'review_working_days' THEN '作出决定' WHEN 'acceptance_working_days' THEN '受理或者退回' ELSE '补正报送' END AS task,
    day_in_words(t.date) || '才' || t.state AS problem, coalesce(t.org_name, '办理机构') AS office
FROM filing_trail AS t JOIN filing_status AS s USING (filing_id)
WHERE t.late AND t.deadline <> 'report_working_days'
UNION ALL
SELECT f._file, f._line, s.filing_id, s.person_id, s.village_id, s.township_id, s.tenure_id, s.village_name, s.person_name, s.kind,
    CASE s.deadline WHEN 'review_working_days' THEN '受理' ELSE s.state END,
    s.limit_days, s.due_on,
    CASE s.deadline WHEN 'review_working_days' THEN '作出决定' WHEN 'acceptance_working_days' THEN '受理或者退回' ELSE '补正报送' END,
    '已超期' || coalesce(s.overdue_working_days || '个工作日', date_diff('day', s.due_on, as_of) || '天'), coalesce(s.next_org_name, '办理机构')
FROM filing_status AS s JOIN filing_trail AS f ON f.filing_id = s.filing_id AND f.is_last, build
WHERE s.overdue AND s.deadline <> 'report_working_days'
