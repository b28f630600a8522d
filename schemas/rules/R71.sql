/*
id: R71
title: 选举没有成功的按期重新选举
severity: warning
clause: selection#24
complete: elections
table: elections
column: outcome
message: "{village_name}{kind}（{election_id}）{voted_on}没有成功，应当在{due_on}以前重新选举，{problem}。"
remedy: "请抓紧重新选举；已经举行的，在后一次选任中填写前一次的编号。"
*/
-- Settled in another way since (an election that forgot to name this one, an appointment) asks for nothing more.
SELECT e.election_id, e.village_id, e.township_id, coalesce(e.village_name, e.village_id) AS village_name, in_place(e.kind, v.kind) AS kind,
    coalesce(e.voted_on, e.latest_on) AS voted_on, e.repeat_due_on AS due_on,
    CASE WHEN r.election_id IS NULL THEN '至今没有举行' ELSE day_in_words(coalesce(r.voted_on, r.latest_on)) || '才举行' END AS problem, x._file, x._line
FROM build CROSS JOIN election_summary AS e JOIN elections AS x USING (election_id) LEFT JOIN villages AS v ON v.village_id = e.village_id
LEFT JOIN election_summary AS r ON r.election_id = e.repeated_by
WHERE e.outcome = '失败' AND coalesce(r.voted_on, as_of) > e.repeat_due_on
  AND (r.election_id IS NOT NULL OR NOT EXISTS (
    SELECT 1 FROM election_summary AS later
    WHERE later.village_id = e.village_id AND later.outcome <> '失败' AND later.latest_on > e.latest_on
      AND contains(later.kind, '村（居）委会') = contains(e.kind, '村（居）委会')))
