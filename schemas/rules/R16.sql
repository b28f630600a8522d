/*
id: R16
title: 来源渠道、离任原因按规定登记
severity: error
clause: [selection#9, filing#8]
table: tenures
column: channel
dated: started_on
message: "{village_name}{post}{name}（{person_id}，{started_on}起）{problem}。"
remedy: "请从所列渠道、原因中选一项；来源选“其他”的，在来源说明中写明。"
*/
SELECT t._file, t._line, CASE WHEN t.channel IS NULL THEN 'channel' ELSE 'channel_note' END AS _column,
    t.tenure_id, t.person_id, t.village_id, v.township_id, v.name AS village_name, p.name, t.started_on, '书记' AS post,
    CASE WHEN t.channel IS NULL THEN '没有填写来源渠道' ELSE '的来源渠道为“其他”，没有说明' END AS problem
FROM tenures AS t LEFT JOIN villages AS v USING (village_id) LEFT JOIN people AS p USING (person_id)
-- A note of blanks says nothing.
WHERE t.post = '党组织书记' AND (t.channel IS NULL OR (t.channel = '其他' AND coalesce(trim(t.channel_note), '') = ''))
UNION ALL BY NAME
-- Why somebody left is counted and reported; a reason without a day of leaving is a leaving that was forgotten.
SELECT t._file, t._line, CASE WHEN t.ended_on IS NULL THEN 'ended_on' ELSE 'end_reason' END AS _column,
    t.tenure_id, t.person_id, t.village_id, v.township_id, v.name AS village_name, p.name, t.started_on,
    CASE WHEN t.post = '党组织书记' THEN '书记' ELSE in_place(t.post, v.kind) END AS post,
    CASE WHEN t.ended_on IS NULL THEN '填写了离任原因“' || t.end_reason || '”，没有填写离任日期' ELSE '于' || day_in_words(t.ended_on) || '离任，没有填写离任原因' END AS problem
FROM tenures AS t LEFT JOIN villages AS v USING (village_id) LEFT JOIN people AS p USING (person_id)
WHERE (t.ended_on IS NULL) <> (t.end_reason IS NULL)
