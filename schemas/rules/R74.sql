/*
id: R74
title: 材料和所引文件不晚于报送
severity: error
clause: [filing#18, filing#19]
table: filing_materials
column: formed_on
message: "{village_name}{name}（{person_id}）的{kind}{filing_id}，{what}的日期{paper_on}晚于{step}{step_on}。"
remedy: "请核对日期；报送以后才取得的材料，填“补报日期”，最迟在归档以前补齐。"
*/
-- What goes up cannot hold a paper that was not there yet. After a return the papers are for the next submission.
WITH steps AS (
    SELECT filing_id, max(ordinal) FILTER (WHERE state = '报送') AS submission, max(ordinal) FILTER (WHERE state = '退回') AS returned,
        max(date) FILTER (WHERE state = '报送') AS submitted_on, max(date) FILTER (WHERE state = '归档') AS archived_on,
        max(date) FILTER (WHERE state IN ('备案', '不予备案')) AS decided_on
    FROM filing_steps GROUP BY filing_id
), handed AS (
    SELECT f.*, s.submitted_on, s.archived_on FROM filings AS f JOIN steps AS s USING (filing_id)
    WHERE s.submission > coalesce(s.returned, -1)
), paper AS (
    SELECT h.filing_id, '材料“' || coalesce(m.title, m.material) || '”' AS what, m.formed_on AS paper_on, '报送之日' AS step,
        h.submitted_on AS step_on, 'filing_materials' AS _table, 'formed_on' AS _column, m._file, m._line
    FROM handed AS h JOIN filing_materials AS m USING (filing_id) WHERE m.supplied_on IS NULL
    UNION ALL
    SELECT h.filing_id, '材料“' || coalesce(m.title, m.material) || '”', m.formed_on, '补报之日', m.supplied_on, 'filing_materials',
        'formed_on', m._file, m._line
    FROM handed AS h JOIN filing_materials AS m USING (filing_id)
    UNION ALL
    SELECT h.filing_id, '补报“' || coalesce(m.title, m.material) || '”', m.supplied_on, '归档之日', h.archived_on, 'filing_materials',
        'supplied_on', m._file, m._line
    FROM handed AS h JOIN filing_materials AS m USING (filing_id)
    UNION ALL
    SELECT h.filing_id, '任职批复' || coalesce(e.approval_document, ''), e.approval_date, '报送之日', h.submitted_on, 'filings',
        'election_id', h._file, h._line
    FROM handed AS h JOIN elections AS e USING (election_id) WHERE h.kind = '任后备案'
    UNION ALL
    SELECT h.filing_id, '公示' || n.notice_id || '的结果', coalesce(n.closed_on, n.ended_on), '报送之日', h.submitted_on, 'filings',
        'notice_id', h._file, h._line
    FROM handed AS h JOIN notices AS n USING (notice_id) WHERE h.kind IN ('任前备案', '任后备案')
    UNION ALL
    SELECT h.filing_id, '调整决定' || coalesce(j.document, j.adjustment_id), j.decided_on, '报送之日', h.submitted_on, 'filings',
        'adjustment_id', h._file, h._line
    FROM handed AS h JOIN adjustments AS j USING (adjustment_id) WHERE h.kind = '免职备案'
    UNION ALL
    SELECT f.filing_id, '所更正的备案' || s.filing_id || '的决定', s.decided_on, '填表之日', f.prepared_on, 'filings', 'corrects',
        f._file, f._line
    FROM filings AS f JOIN steps AS s ON s.filing_id = f.corrects
)
SELECT p.*, f.kind, f.person_id, f.village_id, v.township_id, f.tenure_id, v.name AS village_name, e.name
FROM paper AS p JOIN filings AS f USING (filing_id) LEFT JOIN villages AS v USING (village_id) LEFT JOIN people AS e USING (person_id)
WHERE p.paper_on > p.step_on
