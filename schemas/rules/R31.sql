/*
id: R31
title: 任前备案在任职之日以前办结
severity: error
clause: filing#6
table: filings
column: tenure_id
dated: started_on
message: "{village_name}{name}（{person_id}）的任前备案{filing_id}{problem}，晚于任职日期{started_on}。"
remedy: "请核对备案日期和任职日期；先任职后备案的，应当纠正任职日期或者说明后改报任后备案。"
*/
-- What was refused is no filing (R30). One still under way is late as soon as he has taken office.
SELECT e._file, e._line, e.filing_id, e.person_id, e.village_id, e.township_id, e.tenure_id, e.village_name, p.name, e.started_on,
    CASE WHEN s.filed_on IS NULL THEN '至今没有办结（现为“' || s.state || '”）' ELSE '于' || day_in_words(s.filed_on) || '备案' END AS problem
FROM filing_events AS e JOIN filing_status AS s USING (filing_id) LEFT JOIN people AS p ON p.person_id = e.person_id, build
WHERE e.kind = '任前备案' AND NOT s.revoked AND s.decision IS DISTINCT FROM '不予备案'
    AND coalesce(s.filed_on, as_of) > e.started_on
