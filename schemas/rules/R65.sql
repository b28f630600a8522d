/*
id: R65
title: 经办和批准分开
severity: error
clause: [records#17, filing#13]
table: filings
column: checked_by
message: "{what}（{record}）：{problem}都是{who}。"
remedy: "填表、审核和批准应当由不同的人签署；请核对签署人。"
*/
-- As far as the records tell; who submitted a change and who merged it is told by the history.
SELECT '备案' AS what, f.filing_id AS record, f.filing_id, f.person_id, f.village_id, '填表人和审核人' AS problem, f.prepared_by AS who,
    'filings' AS _table, 'checked_by' AS _column, f._file, f._line
FROM filings AS f WHERE without_spaces(f.checked_by) = without_spaces(f.prepared_by)
UNION ALL BY NAME
SELECT '备案' AS what, f.filing_id AS record, f.filing_id, f.person_id, f.village_id,
    '填表人和“' || s.state || '”签署人' AS problem, f.prepared_by AS who,
    'filing_steps' AS _table, 'signer' AS _column, s._file, s._line
FROM filing_steps AS s JOIN filings AS f USING (filing_id)
-- Drafting and handing in are the preparer's own steps.
WHERE s.state IN ('乡镇审核', '受理', '退回', '审查', '备案', '不予备案', '更正', '撤销') AND without_spaces(s.signer) = without_spaces(f.prepared_by)
UNION ALL BY NAME
-- Who signed the draft is its author, whoever filled in the form.
SELECT '备案' AS what, f.filing_id AS record, f.filing_id, f.person_id, f.village_id,
    '“起草”和“' || s.state || '”签署人' AS problem, s.signer AS who,
    'filing_steps' AS _table, 'signer' AS _column, s._file, s._line
FROM filing_steps AS s JOIN filings AS f USING (filing_id)
WHERE s.state IN ('乡镇审核', '受理', '退回', '审查', '备案', '不予备案', '更正', '撤销')
    AND without_spaces(s.signer) IS DISTINCT FROM without_spaces(f.prepared_by)
    AND EXISTS (FROM filing_steps AS d
        WHERE d.filing_id = s.filing_id AND d.state = '起草' AND without_spaces(d.signer) = without_spaces(s.signer))
UNION ALL BY NAME
SELECT '保密审查' AS what, disclosure_id AS record, NULL AS filing_id, NULL AS person_id, NULL AS village_id,
    '审查人和批准人' AS problem, approved_by AS who, 'disclosure_approvals' AS _table, 'approved_by' AS _column, _file, _line
FROM disclosure_approvals WHERE without_spaces(approved_by) = without_spaces(reviewed_by)
UNION ALL BY NAME
-- A merge is the approval: whoever made it must not have written what it brings.
SELECT '提交' AS what, commit[:10] AS record, NULL AS filing_id, NULL AS person_id, NULL AS village_id,
    '作者和合并人' AS problem, author AS who, '' AS _table, '' AS _column, '' AS _file, 0 AS _line
FROM proposed_commits
WHERE NOT is_merge AND merge IS NOT NULL AND lower(merge_author_email) = lower(author_email)
UNION ALL BY NAME
-- What stands on the main line without a merge and was put there by its own author has been approved by nobody. A squashed
-- merge is committed by another than its author. Only those are judged who are known to work for an office.
SELECT '提交' AS what, min(p.commit[:10]) || CASE WHEN count(*) > 1 THEN '等' || count(*) || '个' ELSE '' END AS record,
    NULL AS filing_id, NULL AS person_id, NULL AS village_id, '不经合并直接进入主线，作者和提交人' AS problem, min(p.author) AS who,
    '' AS _table, '' AS _column, '' AS _file, 0 AS _line
FROM proposed_commits AS p
WHERE p.landed AND NOT p.is_merge AND p.merge IS NULL AND lower(p.committer_email) = lower(p.author_email)
    AND EXISTS (FROM organisations AS o WHERE list_has_any(regexp_split_to_array(lower(o.emails), '\s+'),
        [lower(p.author_email), regexp_extract(lower(p.author_email), '@.*$')]))
GROUP BY lower(p.author_email)
