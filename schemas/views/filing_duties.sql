/*
title: 应备案的任免
description: 到基准日为止书记的每一次任职和离任，应当有哪种备案、期限到哪天、已经有哪一件。
fields:
  tenure_id: {title: 任职编号, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  change: {title: 任免, sensitivity: internal}
  event_date: {title: 任免日期, sensitivity: internal}
  kinds: {title: 应当办理的备案, sensitivity: internal}
  due_on: {title: 期限, sensitivity: internal}
  filing_id: {title: 对应的备案, sensitivity: internal}
  other_kinds: {title: 已有的其他备案, description: 种类不对、不予备案或者已经撤销的备案。, sensitivity: internal}
  missing: {title: 是否没有备案, sensitivity: internal}
  overdue: {title: 是否已过期限, sensitivity: internal}
  _file: {title: 文件, sensitivity: internal}
  _line: {title: 行号, sensitivity: internal}
*/
WITH duty AS (
    -- Elected: filed afterwards, or beforehand if the township chose to. Appointed: beforehand, so the day itself is the limit.
    SELECT *, '任职' AS change, started_on AS event_date,
        CASE WHEN origin = '选举产生' THEN ['任后备案', '任前备案'] ELSE ['任前备案'] END AS kinds
    FROM secretary_tenures
    UNION ALL
    -- Who goes on in the same village, or in the one that took it in, has left no post.
    SELECT *, '离任', ended_on, ['免职备案'] FROM secretary_tenures WHERE ended_on IS NOT NULL AND NOT goes_on
), due AS (
    SELECT d.*, as_of,
        CASE WHEN d.kinds = ['任前备案'] THEN d.event_date
            ELSE add_working_days(d.event_date, param_count('report_working_days', d.event_date)) END AS due_on
    FROM duty AS d, build
    -- What happened before there was a duty to file asks for nothing.
    WHERE d.event_date <= as_of AND param('report_working_days', d.event_date) IS NOT NULL
), filed AS (
    SELECT d.tenure_id, d.change,
        -- A filing still under way counts; one refused or revoked does not.
        min(s.filing_id) FILTER (WHERE list_contains(d.kinds, s.kind) AND s.decision IS DISTINCT FROM '不予备案' AND NOT s.revoked)
            AS filing_id,
        list(DISTINCT s.kind || CASE WHEN s.revoked THEN '（已撤销）' WHEN s.decision = '不予备案' THEN '（不予备案）' ELSE '' END)
            FILTER (WHERE s.kind IN ('任前备案', '任后备案', '免职备案') AND (s.kind = '免职备案') = (d.change = '离任'))
            AS other_kinds
    FROM due AS d JOIN filing_status AS s USING (tenure_id)
    GROUP BY ALL
)
SELECT d.tenure_id, d.person_id, d.village_id, d.village_name, d.township_id, d.change, d.event_date, d.kinds, d.due_on,
    f.filing_id,
    CASE WHEN f.filing_id IS NULL THEN f.other_kinds END AS other_kinds,
    f.filing_id IS NULL AS missing,
    f.filing_id IS NULL AND d.as_of > d.due_on AS overdue,
    d._file, d._line
FROM due AS d LEFT JOIN filed AS f USING (tenure_id, change)
