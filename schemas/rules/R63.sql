/*
id: R63
title: 先公示、先审查，后公开
severity: error
clause: [records#14, records#15]
complete: [disclosure_approvals, notices]
table: tenures
column: published_on
dated: published_on
message: "{what}（{record}）于{published_on}公开，{problem}。"
remedy: "请先办理保密审查，任职信息在公示开始以后公开；已经公开的应当撤下，补办审查。"
*/
-- Whatever has a day of going public, with the approval it cites. A policy goes public with its effect.
WITH published AS (
    SELECT '任职信息' AS what, t.tenure_id AS record, t.person_id, t.village_id, t.tenure_id, t.published_on, t.disclosure_id,
        coalesce(n.started_on, (SELECT min(e.started_on) FROM notices AS e
            WHERE e.election_id = t.election_id AND e.person_id = t.person_id AND e.kind IN ('候选人公示', '任前公示'))) AS notice_on,
        'tenures' AS _table, 'published_on' AS _column, t._file, t._line
    FROM tenures AS t LEFT JOIN notices AS n ON n.notice_id = t.notice_id WHERE t.published_on IS NOT NULL
    UNION ALL BY NAME
    SELECT '公示' AS what, notice_id AS record, person_id, village_id, started_on AS published_on, disclosure_id,
        'notices' AS _table, 'disclosure_id' AS _column, _file, _line
    FROM notices CROSS JOIN build WHERE started_on <= as_of
    UNION ALL BY NAME
    SELECT '统计报告' AS what, snapshot_id AS record, published_on, disclosure_id, 'snapshots' AS _table, 'published_on' AS _column, _file, _line
    FROM snapshots WHERE published_on IS NOT NULL
    UNION ALL BY NAME
    SELECT '政策文件' AS what, policy_id AS record, effective_from AS published_on, disclosure_id, 'policies' AS _table,
        'disclosure_id' AS _column, _file, _line
    FROM policies CROSS JOIN build WHERE effective_from <= as_of AND policies.draft IS NOT TRUE
),
judged AS (
    SELECT p.*, CASE
        WHEN p.disclosure_id IS NULL THEN '没有保密审查'
        -- A number that names no approval is told by the foreign key.
        WHEN d.disclosure_id IS NULL THEN NULL
        WHEN d.decision IS NULL THEN '保密审查' || p.disclosure_id || '还没有结论'
        WHEN d.decision <> '同意公开' THEN '保密审查' || p.disclosure_id || '的结论是' || d.decision
        WHEN d.approved_on IS NULL THEN '保密审查' || p.disclosure_id || '没有批准日期'
        WHEN d.approved_on > p.published_on THEN '保密审查' || p.disclosure_id || '到' || day_in_words(d.approved_on) || '才批准'
        WHEN d.withdrawn_on <= p.published_on THEN '保密审查' || p.disclosure_id || '已于' || day_in_words(d.withdrawn_on) || '撤回'
        WHEN p.notice_on > p.published_on THEN '早于公示开始日期' || day_in_words(p.notice_on) END AS problem
    FROM published AS p LEFT JOIN disclosure_approvals AS d ON d.disclosure_id = p.disclosure_id
)
SELECT * EXCLUDE (notice_on) FROM judged WHERE problem IS NOT NULL
