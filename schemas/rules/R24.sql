/*
id: R24
title: 票数前后一致
severity: error
clause: selection#21
table: election_meetings
column: valid
dated: on_date
message: "{village_name}{on_date}{meeting}：{problem}。"
remedy: "请按计票单核对：发出的票不多于实到人数，收回的不多于发出的，有效的不多于收回的，每人各项票数之和不多于有效票，一张票选的人数不多于应选名额。"
*/
-- More ballots returned than issued makes an election fail; in one recorded as failed it is a fact and no slip.
WITH wrong AS (
    SELECT m.election_id, m.meeting, m.date AS on_date, NULL AS person_id, 'election_meetings' AS _table, m._file, m._line,
        CASE WHEN m.issued > m.present THEN 'issued' WHEN m.valid > m.returned THEN 'valid' ELSE 'returned' END AS _column,
        concat_ws('，', CASE WHEN m.issued > m.present THEN '发出' || m.issued || '张多于实到' || m.present || '人' END,
            CASE WHEN m.returned > m.issued AND e.outcome <> '失败' THEN '收回' || m.returned || '张多于发出' || m.issued || '张' END,
            CASE WHEN m.valid > m.returned THEN '有效' || m.valid || '张多于收回' || m.returned || '张' END) AS problem
    FROM election_meetings AS m JOIN elections AS e USING (election_id)
    WHERE m.issued > m.present OR m.valid > m.returned OR (m.returned > m.issued AND e.outcome <> '失败')
    UNION ALL
    SELECT b.election_id, b.meeting, m.date, b.person_id, 'meeting_votes', b._file, b._line, 'approve',
        coalesce(p.name, b.person_id) || '的赞成' || b.approve || '、反对' || b.oppose || '、弃权' || b.abstain || '合计'
            || (b.approve + b.oppose + b.abstain) || '票，多于有效' || m.valid || '票'
    FROM meeting_votes AS b JOIN election_meetings AS m USING (election_id, meeting) LEFT JOIN people AS p ON p.person_id = b.person_id
    WHERE b.approve + b.oppose + b.abstain > m.valid
    UNION ALL
    -- A ballot with more names than seats is void, so no vote has more approvals than valid ballots times seats.
    SELECT m.election_id, m.meeting, m.date, NULL, 'election_meetings', m._file, m._line, 'valid',
        '各人赞成票合计' || b.approvals || '票，多于有效' || m.valid || '票×应选' || e.seats || '名'
    FROM (SELECT election_id, meeting, sum(approve)::BIGINT AS approvals FROM meeting_votes GROUP BY election_id, meeting) AS b
    JOIN election_meetings AS m USING (election_id, meeting) JOIN elections AS e USING (election_id)
    WHERE m.meeting IN ('党员大会选举', '党员大会另选', '村（居）民选举', '村（居）民另选') AND e.outcome <> '失败'
      AND b.approvals > m.valid::HUGEINT * e.seats
)
SELECT wrong.* REPLACE (in_place(wrong.meeting, v.kind) AS meeting), e.village_id, v.name AS village_name
FROM wrong JOIN elections AS e USING (election_id) LEFT JOIN villages AS v ON v.village_id = e.village_id
