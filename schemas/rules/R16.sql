/*
id: R16
title: 来源渠道按规定登记
severity: error
clause: selection#9
table: tenures
column: channel
message: "{village_name}书记{name}（{person_id}，{started_on}起）{problem}。"
remedy: "请从所列渠道中选一项；选“其他”的，在来源说明中写明。"
*/
SELECT t._file, t._line, CASE WHEN t.channel IS NULL THEN 'channel' ELSE 'channel_note' END AS _column,
    t.tenure_id, t.person_id, t.village_id, v.township_id, v.name AS village_name, p.name, t.started_on,
    CASE WHEN t.channel IS NULL THEN '没有填写来源渠道' ELSE '的来源渠道为“其他”，没有说明' END AS problem
FROM tenures AS t LEFT JOIN villages AS v USING (village_id) LEFT JOIN people AS p USING (person_id)
-- A note of blanks says nothing.
WHERE t.post = '党组织书记' AND (t.channel IS NULL OR (t.channel = '其他' AND coalesce(trim(t.channel_note), '') = ''))
