/*
id: R32
title: 任后备案、免职备案按期报送
severity: error
clause: filing#14
table: filings
column: trigger_date
dated: event_date
message: "{village_name}{name}（{person_id}）的{kind}{filing_id}，{event_date}{change}，应在{days}个工作日内（{due_on}前）报送，{problem}。"
remedy: "请立即报送；已经报送的，核对报送日期和任免日期，确实迟报的在备案请示中说明原因。"
*/
-- The first time it was handed in counts; what was sent back afterwards has its own limit (R36).
SELECT e._file, e._line, e.filing_id, e.person_id, e.village_id, e.township_id, e.tenure_id, e.village_name, p.name, e.kind,
    e.event_date, e.report_days AS days, e.report_due_on AS due_on,
    CASE e.kind WHEN '免职备案' THEN '离任' ELSE '任职' END AS change,
    CASE WHEN s.submitted_on IS NULL THEN '至今没有报送' ELSE day_in_words(s.submitted_on) || '才报送' END AS problem
FROM filing_events AS e JOIN filing_status AS s USING (filing_id) LEFT JOIN people AS p ON p.person_id = e.person_id, build
WHERE coalesce(s.submitted_on, as_of) > e.report_due_on
