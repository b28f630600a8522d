/*
id: R12
title: 书记兼任主任，或者说明理由
severity: warning
clause: selection#10
complete: tenures
table: tenures
column: exemption
message: "{village_name}书记{name}（{person_id}）{since}没有兼任{head}，也没有写明不实行“一肩挑”的理由。"
remedy: "已经当选主任的，补填主任的任职记录；确实不能兼任的，填写理由和批准文号。"
*/
-- Asked since the clause is in force. Village committees are elected after the Party branch, so the time that a 换届 may
-- take is allowed; of who serves it is asked today, of who has left whether it ever was so.
WITH secretary AS (
    SELECT s.*, p.name, t.exemption, as_of, in_office(s.started_on, s.ended_on, as_of) AS serving
    FROM secretary_tenures AS s JOIN tenures AS t USING (tenure_id) LEFT JOIN people AS p ON p.person_id = s.person_id, build
    WHERE s.started_on >= (SELECT min(effective_from) FROM policies WHERE policy_id = 'selection')
        AND least(coalesce(s.ended_on, as_of), as_of) > s.started_on + param_count('term_grace_days', s.started_on)
)
SELECT s._file, s._line, s.tenure_id, s.person_id, s.village_id, s.township_id, s.village_name, s.name, in_place('村（居）民委员会主任', v.kind) AS head,
    CASE WHEN serving THEN '自' || day_in_words(started_on) || '任职以来，至今' ELSE '在' || day_in_words(started_on) || '至' || day_in_words(ended_on) || '任职期间' END AS since
FROM secretary AS s LEFT JOIN villages AS v USING (village_id)
WHERE coalesce(trim(exemption), '') = '' AND NOT EXISTS (
    SELECT 1 FROM tenures AS h
    WHERE h.post = '村（居）委会主任' AND h.person_id = s.person_id AND h.village_id = s.village_id
        AND h.started_on <= least(coalesce(s.ended_on, s.as_of), s.as_of)
        AND (h.ended_on IS NULL OR h.ended_on > CASE WHEN s.serving THEN s.as_of ELSE s.started_on END)
)
