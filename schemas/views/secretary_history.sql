/*
title: 历任书记
description: 每个村（社区）到基准日为止的历任书记，按任职先后；公开版只有已经公布的。
rows:
  public: tenure_id IN (SELECT tenure_id FROM published_tenures)
fields:
  tenure_id: {title: 任职编号, sensitivity: public}
  village_id: {title: 村（社区）编号, sensitivity: public}
  village_name: {title: 村（社区）, sensitivity: public}
  township_id: {title: 乡镇（街道）编号, sensitivity: public}
  person_id: {title: 人员编号, sensitivity: public}
  name: {title: 姓名, sensitivity: public}
  term: {title: 届次, sensitivity: public}
  started_on: {title: 任职日期, sensitivity: public}
  ended_on: {title: 离任日期, sensitivity: public}
  in_office: {title: 是否在任, sensitivity: public}
  ordinal: {title: 第几任, description: 含未公布的各任。, sensitivity: internal}
  days: {title: 任职天数, sensitivity: internal}
  end_reason: {title: 离任原因, sensitivity: internal}
  origin: {title: 产生方式, sensitivity: internal}
  is_new: {title: 是否首次任书记, sensitivity: internal}
  goes_on: {title: 是否连任, sensitivity: internal}
  age_at_start: {title: 任职时周岁, sensitivity: internal}
  vacant_days_before: {title: 任职前空缺天数, sensitivity: internal}
*/
-- A leaving that lies after the reference date has not happened yet.
SELECT s.tenure_id, s.village_id, s.village_name, s.township_id, s.person_id, p.name, s.term, s.started_on,
    CASE WHEN s.ended_on <= as_of THEN s.ended_on END AS ended_on,
    in_office(s.started_on, s.ended_on, as_of) AS in_office,
    row_number() OVER (PARTITION BY s.village_id ORDER BY s.started_on, s.tenure_id) AS ordinal,
    date_diff('day', s.started_on, least(coalesce(s.ended_on, as_of), as_of)) AS days,
    CASE WHEN s.ended_on <= as_of THEN s.end_reason END AS end_reason,
    s.origin, s.is_new, s.goes_on,
    age_on(p.birth, s.started_on) AS age_at_start,
    greatest(date_diff('day', s.previous_ended_on, s.started_on), 0) AS vacant_days_before
FROM secretary_tenures AS s LEFT JOIN people AS p USING (person_id), build
WHERE s.started_on <= as_of
