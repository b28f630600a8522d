/*
id: R67
title: 互相引用的记录一致
severity: error
clause: records#20
table: filings
column: tenure_id
message: "{what}{record}引用{cites}，{problem}。"
remedy: "请核对编号是否填错；编号无误的，改正人员、村（社区）或者日期。"
*/
-- A foreign key asks only that the other record exists. Who cites the record of another person or village would otherwise
-- borrow what was done there. Performance pay and appraisals are R56's.
WITH cited AS (
    SELECT '备案' AS what, f.filing_id AS record, '任职' || t.tenure_id AS cites, f.person_id, t.person_id AS other_person,
        f.village_id, t.village_id AS other_village,
        -- What is filed after the event names its day; what is filed before cannot know it.
        CASE WHEN f.kind = '任后备案' AND f.trigger_date <> t.started_on THEN '触发日期' || day_in_words(f.trigger_date) || '不是任职日期' || day_in_words(t.started_on)
            WHEN f.kind = '免职备案' AND f.trigger_date <> t.ended_on THEN '触发日期' || day_in_words(f.trigger_date) || '不是离任日期' || day_in_words(t.ended_on)
            END AS more,
        'filings' AS _table, 'tenure_id' AS _column, f._file, f._line
    FROM filings AS f JOIN tenures AS t USING (tenure_id)
    UNION ALL BY NAME
    SELECT '备案' AS what, f.filing_id AS record, '选任' || e.election_id AS cites, f.village_id, e.village_id AS other_village,
        'filings' AS _table, 'election_id' AS _column, f._file, f._line
    FROM filings AS f JOIN elections AS e USING (election_id)
    UNION ALL BY NAME
    SELECT '备案' AS what, f.filing_id AS record, '公示' || n.notice_id AS cites, f.person_id, n.person_id AS other_person,
        f.village_id, n.village_id AS other_village, 'filings' AS _table, 'notice_id' AS _column, f._file, f._line
    FROM filings AS f JOIN notices AS n USING (notice_id)
    UNION ALL BY NAME
    SELECT '备案' AS what, f.filing_id AS record, '调整' || j.adjustment_id AS cites, f.person_id, j.person_id AS other_person,
        'filings' AS _table, 'adjustment_id' AS _column, f._file, f._line
    FROM filings AS f JOIN adjustments AS j USING (adjustment_id)
    UNION ALL BY NAME
    SELECT '备案' AS what, f.filing_id AS record, '所更正的备案' || c.filing_id AS cites, f.person_id, c.person_id AS other_person,
        CASE WHEN c.filing_id = f.filing_id THEN '就是它自己' END AS more, 'filings' AS _table, 'corrects' AS _column, f._file, f._line
    FROM filings AS f JOIN filings AS c ON c.filing_id = f.corrects
    UNION ALL BY NAME
    SELECT '任职' AS what, t.tenure_id AS record, '公示' || n.notice_id AS cites, t.person_id, n.person_id AS other_person,
        t.village_id, n.village_id AS other_village, 'tenures' AS _table, 'notice_id' AS _column, t._file, t._line
    FROM tenures AS t JOIN notices AS n USING (notice_id)
    UNION ALL BY NAME
    SELECT '公示' AS what, n.notice_id AS record, '选任' || e.election_id AS cites, n.village_id, e.village_id AS other_village,
        'notices' AS _table, 'election_id' AS _column, n._file, n._line
    FROM notices AS n JOIN elections AS e USING (election_id)
    UNION ALL BY NAME
    -- A repeated election stands on what the failed one went through.
    SELECT '选任' AS what, e.election_id AS record, '前一次选任' || b.election_id AS cites, e.village_id, b.village_id AS other_village,
        CASE WHEN b.outcome <> '失败' THEN '那一次的结果是' || b.outcome || '，不是失败' WHEN b.kind <> e.kind THEN '那一次是' || b.kind END AS more,
        'elections' AS _table, 'previous' AS _column, e._file, e._line
    FROM elections AS e JOIN elections AS b ON b.election_id = e.previous
    UNION ALL BY NAME
    SELECT '考核' AS what, a.appraisal_id AS record, '任职' || t.tenure_id AS cites, a.person_id, t.person_id AS other_person,
        a.village_id, t.village_id AS other_village, 'appraisals' AS _table, 'tenure_id' AS _column, a._file, a._line
    FROM appraisals AS a JOIN tenures AS t USING (tenure_id)
    UNION ALL BY NAME
    SELECT '审计' AS what, a.audit_id AS record, '任职' || t.tenure_id AS cites, a.person_id, t.person_id AS other_person,
        a.village_id, t.village_id AS other_village, 'audits' AS _table, 'tenure_id' AS _column, a._file, a._line
    FROM audits AS a JOIN tenures AS t USING (tenure_id)
    UNION ALL BY NAME
    SELECT '调整' AS what, j.adjustment_id AS record, '任职' || t.tenure_id AS cites, j.person_id, t.person_id AS other_person,
        j.village_id, t.village_id AS other_village, 'adjustments' AS _table, 'tenure_id' AS _column, j._file, j._line
    FROM adjustments AS j JOIN tenures AS t USING (tenure_id)
    UNION ALL BY NAME
    SELECT '调整' AS what, j.adjustment_id AS record, '考核' || a.appraisal_id AS cites, j.person_id, a.person_id AS other_person,
        'adjustments' AS _table, 'appraisal_id' AS _column, j._file, j._line
    FROM adjustments AS j JOIN appraisals AS a USING (appraisal_id)
    UNION ALL BY NAME
    SELECT '调整' AS what, j.adjustment_id AS record, '审计' || a.audit_id AS cites, j.person_id, a.person_id AS other_person,
        'adjustments' AS _table, 'audit_id' AS _column, j._file, j._line
    FROM adjustments AS j JOIN audits AS a USING (audit_id)
), judged AS (
    SELECT *, concat_ws('，', CASE WHEN person_id <> other_person THEN '那是另一人' || other_person || '的' END,
        CASE WHEN village_id <> other_village THEN '那是另一个村（社区）' || other_village || '的' END, more) AS problem
    FROM cited
)
SELECT j._table, j._column, j.what, j.record, j.cites, j.person_id, j.village_id, in_place(j.problem, v.kind) AS problem, j._file, j._line
FROM judged AS j LEFT JOIN villages AS v USING (village_id) WHERE j.problem <> ''
