/*
id: R77
title: 免职备案写明村（居）委会职务怎样处理
severity: warning
clause: term-notes-2026#4
complete: filings
table: filings
column: committee_post
message: "{village_name}{person_name}的免职备案（{filing_id}）{problem}。"
remedy: "请写明同时辞去、罢免程序、继续担任或者自行终止，并填写日期；党组织不能直接免去村民、居民选出的职务。"
*/
-- Who headed the committee on the day he ceased to be secretary.
SELECT f.filing_id, f.person_id, f.village_id, coalesce(v.name, f.village_id) AS village_name, coalesce(p.name, f.person_id) AS person_name,
    in_place(CASE WHEN f.committee_post IS NULL THEN '没有写明村（居）委会主任职务怎样处理'
        WHEN f.committee_post = '继续担任' THEN '写明继续担任村（居）委会主任，任职记录当日已经结束'
        WHEN f.committee_post_on IS NULL THEN '村（居）委会主任职务' || f.committee_post || '，没有填写日期'
        ELSE '村（居）委会主任职务' || day_in_words(f.committee_post_on) || f.committee_post || '，任职记录没有在当日结束' END, v.kind) AS problem,
    CASE WHEN f.committee_post IN ('同时辞去', '自行终止', '罢免程序') THEN 'committee_post_on' ELSE 'committee_post' END AS _column, f._file, f._line
FROM filings AS f JOIN tenures AS t USING (tenure_id)
JOIN tenures AS c ON c.person_id = f.person_id AND c.village_id = f.village_id AND c.post = '村（居）委会主任'
    AND c.started_on <= t.ended_on AND (c.ended_on IS NULL OR c.ended_on >= t.ended_on)
LEFT JOIN villages AS v ON v.village_id = f.village_id LEFT JOIN people AS p ON p.person_id = f.person_id
WHERE f.kind = '免职备案' AND param('voters_posted_days', f.trigger_date) IS NOT NULL
  AND (f.committee_post IS NULL
    OR CASE f.committee_post WHEN '继续担任' THEN c.ended_on = t.ended_on
        WHEN '罢免程序' THEN f.committee_post_on IS NULL
        ELSE f.committee_post_on IS NULL OR c.ended_on IS DISTINCT FROM f.committee_post_on END)
