/*
id: R35
title: 备案流转合规，每步有日期、机构和签署人
severity: error
clause: [filing#12, filing#13]
complete: [filing_transitions, organisations, villages]
table: filing_steps
column: state
message: "备案{filing_id}{where}{problem}。"
remedy: "请按流转表逐步办理，补齐日期、办理机构和签署人；走错的步骤另填更正，不删除已有的步骤。"
*/
WITH step AS (
    SELECT t.*, f.prepared_by, f.person_id, f.village_id, f.tenure_id, e.township_id,
        max(t.date) OVER (PARTITION BY t.filing_id ORDER BY t.ordinal ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest,
        -- Before the first table of transitions there is none to break.
        t.date >= (SELECT min(effective_from) FROM filing_transitions) AS tabled,
        e.township_id IS NOT NULL AND t.org_id = e.township_id AS by_township,
        t.org_id IN (SELECT township_id FROM offices) AS by_any_township
    FROM filing_trail AS t JOIN filings AS f USING (filing_id) JOIN filing_events AS e USING (filing_id)
), judged AS (
    SELECT *, concat_ws('，',
        CASE WHEN date IS NULL THEN '没有填写日期' END,
        CASE WHEN org_id IS NULL THEN '没有填写办理机构' END,
        CASE WHEN coalesce(trim(signer), '') = '' THEN '没有填写签署人' END,
        CASE WHEN tabled AND actor IS NULL THEN '不能从“' || from_state || '”转来' END,
        CASE WHEN date < latest THEN '的日期' || day_in_words(date) || '早于前面的' || day_in_words(latest) END,
        CASE WHEN actor = '乡镇' AND org_id IS NOT NULL AND NOT by_township THEN '应由所属乡镇（街道）办理' END,
        CASE WHEN actor = '市' AND by_any_township THEN '应由市里办理' END,
        CASE WHEN state IN ('审查', '备案', '不予备案') AND without_spaces(signer) = without_spaces(prepared_by) THEN '的签署人不得是填表人' END
    ) AS problem
    FROM step
)
SELECT _file, _line, 'filing_steps' AS _table,
    CASE WHEN date IS NULL THEN 'date' WHEN org_id IS NULL THEN 'org_id' WHEN coalesce(trim(signer), '') = '' THEN 'signer' ELSE 'state' END
        AS _column,
    filing_id, person_id, village_id, township_id, tenure_id, state,
    '第' || ordinal || '步“' || state || '”' AS where, problem
FROM judged WHERE problem <> ''
UNION ALL
SELECT f._file, f._line, 'filings', 'checked_by', f.filing_id, f.person_id, f.village_id, v.township_id, f.tenure_id, NULL,
    '', '的审核人就是填表人'
FROM filings AS f LEFT JOIN villages AS v USING (village_id)
WHERE without_spaces(f.checked_by) = without_spaces(f.prepared_by)
