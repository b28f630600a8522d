/*
id: R76
title: 选民名单按期公布，选举委员会成员不当候选人
severity: error
clause: [term-notes-2026#1, term-notes-2026#2]
complete: elections
table: elections
column: voters_posted_on
message: "{village_name}{what}（{election_id}）{problem}。"
remedy: "日期、人数有误的请更正；公布确实太迟的应当推迟选举，成员成为候选人的应当退出并填写退出日期。"
*/
-- Judged on the day of the election, or when it is planned; an election that is still being prepared has posted nothing yet.
WITH held AS (
    SELECT e.*, m.date, m.eligible, m._file AS meeting_file, m._line AS meeting_line, param_count('voters_posted_days', m.date) AS days
    FROM elections AS e JOIN election_meetings AS m USING (election_id) WHERE m.meeting = '村（居）民选举'
)
SELECT f.* REPLACE (in_place(f.what, v.kind) AS what, in_place(f.problem, v.kind) AS problem), coalesce(v.name, f.village_id) AS village_name
FROM (
    SELECT election_id, village_id, kind::VARCHAR AS what, CASE WHEN voters_posted_on IS NULL THEN '没有填写选民名单公布日期'
        ELSE '选民名单' || day_in_words(voters_posted_on) || '公布，距选举日（' || day_in_words(date) || '）' || date_diff('day', voters_posted_on, date) || '天，不足' || days || '天（村民委员会组织法第十四条）' END AS problem,
        'elections' AS _table, 'voters_posted_on' AS _column, _file, _line
    FROM held WHERE voters_posted_on IS NULL AND days IS NOT NULL OR date_diff('day', voters_posted_on, date) < days
    UNION ALL BY NAME
    SELECT election_id, village_id, kind::VARCHAR AS what, '登记选民' || voters_registered || '人，选举日有选举权' || eligible || '人，两者不一致' AS problem,
        'elections' AS _table, 'voters_registered' AS _column, _file, _line
    FROM held WHERE voters_registered <> eligible
    UNION ALL BY NAME
    SELECT election_id, village_id, kind::VARCHAR AS what, '没有登记村（居）民选举委员会' AS problem, 'elections' AS _table, 'election_id' AS _column, _file, _line
    FROM held WHERE days IS NOT NULL AND NOT EXISTS (SELECT 1 FROM election_committee AS c WHERE c.election_id = held.election_id)
    UNION ALL BY NAME
    SELECT election_id, e.village_id, e.kind::VARCHAR AS what, '选举委员会成员' || c.name || '是候选人，没有退出' AS problem,
        'election_committee' AS _table, 'left_on' AS _column, c._file, c._line
    FROM election_committee AS c JOIN elections AS e USING (election_id) JOIN election_candidates AS x USING (election_id, person_id) WHERE c.left_on IS NULL
) AS f LEFT JOIN villages AS v ON v.village_id = f.village_id
