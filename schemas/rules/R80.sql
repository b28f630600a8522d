/*
id: R80
title: 书记由委员会选举，直接选举须经批准
severity: error
clause: [elections#3, elections#2]
complete: elections
table: elections
column: direct_approval
dated: members_voted_on
message: "{village_name}{kind}（{election_id}）：{problem}。"
remedy: "设委员会的，先由党员大会选举委员，再由委员会会议选举书记；经批准由党员大会直接选举的，填写批准文号和选举以前的批准日期。"
*/
-- Both ways are open: which one applies follows from the number of full members on the day of their vote.
WITH elected AS (
    SELECT e.election_id, e.village_id, e.kind, e.direct_approval, e.direct_approved_on, e._file, e._line, c.person_id,
        max(m.eligible) FILTER (m.meeting LIKE '党员大会%') AS members,
        min(m.date) FILTER (m.meeting IN ('党员大会选举', '党员大会另选')) AS members_voted_on,
        max(m.date) FILTER (m.meeting = '委员会会议选举') AS committee_voted_on,
        max(m.expected) FILTER (m.meeting = '委员会会议选举') AS committee,
        bool_or(m.meeting = '委员会会议选举' AND v.result = '当选') AS by_committee,
        bool_or(m.meeting IN ('党员大会选举', '党员大会另选') AND v.result = '当选') AS by_members,
        param_count('committee_branch_members', max(m.date)) AS least
    FROM elections AS e JOIN election_candidates AS c USING (election_id) JOIN election_meetings AS m USING (election_id)
    LEFT JOIN meeting_votes AS v ON v.election_id = m.election_id AND v.meeting = m.meeting AND v.person_id = c.person_id
    WHERE e.outcome = '成功' AND e.kind IN ('党组织换届', '党组织补选') AND c.post = '党组织书记' AND c.status = '当选'
    GROUP BY ALL
), seats AS (
    SELECT election_id, count(DISTINCT person_id) AS elected FROM meeting_votes
    WHERE meeting IN ('党员大会选举', '党员大会另选') AND result = '当选' GROUP BY election_id
), judged AS (
    SELECT e.*, coalesce(p.name, e.person_id) AS name, CASE
        WHEN by_committee AND members < least THEN '有正式党员' || members || '人，不足' || least || '人，不设委员会，书记应当由党员大会选举'
        -- Between two general elections he may have been on the committee before.
        WHEN by_committee AND kind = '党组织换届' AND by_members IS NOT TRUE THEN name || '没有在党员大会上当选委员，不能由委员会选为书记'
        WHEN by_committee AND committee_voted_on < members_voted_on
            THEN '委员会会议（' || day_in_words(committee_voted_on) || '）早于选举委员的党员大会（' || day_in_words(members_voted_on) || '）'
        WHEN by_committee AND kind = '党组织换届' AND committee <> s.elected
            THEN '委员会会议应到' || committee || '人，党员大会当选委员' || s.elected || '人'
        WHEN by_members AND by_committee IS NOT TRUE AND members >= least THEN CASE
            WHEN direct_approval IS NULL OR direct_approved_on IS NULL
                THEN '有正式党员' || members || '人，设委员会，书记' || name || '由党员大会直接选举，没有填写批准'
                    || concat_ws('和', CASE WHEN direct_approval IS NULL THEN '文号' END, CASE WHEN direct_approved_on IS NULL THEN '日期' END)
            WHEN direct_approved_on > members_voted_on THEN '直接选举于' || day_in_words(direct_approved_on) || '批准，晚于' || day_in_words(members_voted_on) || '的选举' END
        END AS problem
    FROM elected AS e LEFT JOIN people AS p USING (person_id) LEFT JOIN seats AS s USING (election_id)
    WHERE least IS NOT NULL
)
SELECT j.election_id, j.village_id, v.name AS village_name, j.kind, j.person_id, j.members, j.members_voted_on, j.problem, j._file, j._line,
    CASE WHEN j.direct_approved_on > j.members_voted_on THEN 'direct_approved_on' ELSE 'direct_approval' END AS _column
FROM judged AS j LEFT JOIN villages AS v USING (village_id) WHERE j.problem IS NOT NULL
