/*
id: R20
title: 选任环节依次进行
severity: error
clause: selection#13
table: election_stages
column: started_on
message: "{village_name}{kind}（{election_id}）：{problem}。"
remedy: "请核对各环节的起止日期；前一环节没有结束的，不得进入后一环节。"
*/
-- The order is computed once, in the view that the page of the election shows too.
SELECT o.election_id, o.village_id, v.name AS village_name, in_place(e.kind, v.kind) AS kind, o.stage, o.problem,
    o._table,
    CASE o._table WHEN 'elections' THEN 'outcome' WHEN 'election_meetings' THEN 'date' WHEN 'election_candidates' THEN 'confirmed_on'
        ELSE 'started_on' END AS _column, o._file, o._line
FROM election_order AS o JOIN elections AS e USING (election_id) LEFT JOIN villages AS v ON v.village_id = o.village_id
