/*
title: 备案与触发的任免
description: 每件备案所属的乡镇、触发备案的日期和报送期限。任后备案从任职之日、免职备案从离任之日起算。
fields:
  filing_id: {title: 备案事项编号, sensitivity: internal}
  kind: {title: 备案种类, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  tenure_id: {title: 任职编号, sensitivity: internal}
  started_on: {title: 任职日期, sensitivity: internal}
  ended_on: {title: 离任日期, sensitivity: internal}
  event_date: {title: 触发日期, sensitivity: internal}
  report_days: {title: 报送时限（工作日）, sensitivity: internal}
  report_due_on: {title: 报送期限, sensitivity: internal}
  _file: {title: 文件, sensitivity: internal}
  _line: {title: 行号, sensitivity: internal}
*/
-- The day that counts is that of the tenure: what the filing says of it may be wrong, and is not what the limit runs from.
WITH event AS (
    SELECT f.*, v.name AS village_name, v.township_id, t.started_on, t.ended_on,
        CASE f.kind
            WHEN '任后备案' THEN coalesce(t.started_on, f.trigger_date)
            WHEN '免职备案' THEN coalesce(t.ended_on, f.trigger_date)
            ELSE f.trigger_date
        END AS event_date
    FROM filings AS f
    LEFT JOIN villages AS v USING (village_id)
    LEFT JOIN tenures AS t ON t.tenure_id = f.tenure_id
)
SELECT filing_id, kind, person_id, village_id, village_name, township_id, tenure_id, started_on, ended_on, event_date,
    report_days,
    CASE WHEN kind IN ('任后备案', '免职备案') THEN add_working_days(event_date, report_days) END AS report_due_on,
    _file, _line
FROM (SELECT *, param_count('report_working_days', event_date) AS report_days FROM event)
