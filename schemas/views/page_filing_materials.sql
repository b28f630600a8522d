/*
title: 备案材料清单
description: 每件备案应交的材料和已交的材料，按报送之日（未报送的按基准日）有效的清单核对。
fields:
  filing_id: {title: 备案事项编号, sensitivity: internal}
  material: {title: 材料名称, sensitivity: internal}
  condition: {title: 适用情形, sensitivity: internal}
  title: {title: 材料题名, sensitivity: internal}
  formed_on: {title: 形成时间, sensitivity: internal}
  pages: {title: 页数, sensitivity: internal}
  note: {title: 备注, sensitivity: internal}
  supplied_on: {title: 补报日期, sensitivity: internal}
  scan: {title: 扫描件, sensitivity: internal}
  state: {title: 状态, sensitivity: internal}
  ordinal: {title: 次序, sensitivity: internal}
*/
-- R33 judges by it.
WITH head AS MATERIALIZED (
    -- The certificate of a committee that is elected later is handed in when there is one.
    -- By itself: below a condition the whole calendar would be held once for each row.
    SELECT person_id, village_id, term, add_working_days(started_on, param_count('report_working_days', started_on)) AS due_on
    FROM tenures WHERE post = '村（居）委会主任'
), filing AS (
    SELECT f.filing_id, f.kind, f.concurrent, f.adjustment_id, t.origin, coalesce(s.submitted_on, as_of) AS listed_on,
        EXISTS (
            SELECT 1 FROM head AS h
            WHERE h.person_id = f.person_id AND h.village_id = f.village_id AND h.term = t.term AND h.due_on < as_of
        ) AS certified
    FROM filings AS f JOIN filing_status AS s USING (filing_id) LEFT JOIN tenures AS t ON t.tenure_id = f.tenure_id, build
), required AS (
    SELECT DISTINCT f.filing_id, r.material, r.condition, r.ordinal
    FROM filing AS f
    JOIN required_materials AS r ON r.kind = f.kind
        AND r.effective_from <= f.listed_on AND (r.effective_to IS NULL OR r.effective_to >= f.listed_on)
        AND CASE r.condition
            WHEN '一律' THEN true
            WHEN '选举产生' THEN coalesce(f.origin = '选举产生', false)
            WHEN '上级任命' THEN coalesce(f.origin <> '选举产生', false)
            WHEN '一肩挑' THEN coalesce(f.concurrent AND f.certified, false)
            WHEN '组织调整' THEN f.adjustment_id IS NOT NULL
        END
)
SELECT coalesce(r.filing_id, m.filing_id) AS filing_id, coalesce(r.material, m.material) AS material, r.condition,
    m.title, m.formed_on, m.pages, m.note, m.supplied_on, m.scan,
    CASE WHEN m.material IS NULL THEN '没有' WHEN r.material IS NULL THEN '另附' ELSE '齐' END AS state,
    coalesce(r.ordinal, 1000 + m.ordinal) AS ordinal
FROM required AS r FULL JOIN filing_materials AS m ON m.filing_id = r.filing_id AND m.material = r.material
