/*
title: 后备力量在基准日的阶段
description: 每名后备在基准日处在哪个阶段、是否在库；按各阶段的日期推定，没有日期的按登记的现处阶段。
fields:
  reserve_id: {title: 后备编号, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  person_name: {title: 姓名, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  township_name: {title: 乡镇（街道）, sensitivity: internal}
  stage: {title: 阶段, sensitivity: internal}
  place: {title: 阶段次序, sensitivity: internal}
  active: {title: 是否在库, sensitivity: internal}
  entered_on: {title: 入库日期, sensitivity: internal}
  exited_on: {title: 出库日期, sensitivity: internal}
  exit_reason: {title: 出库原因, sensitivity: internal}
  duty: {title: 承担的工作, sensitivity: internal}
  mentor: {title: 培养联系人, sensitivity: internal}
*/
-- `days` is for the views that read this one and enters no edition.
-- The record says where somebody stands now; asked for an earlier day, he stands where the dates had brought him by then.
WITH placed AS (
    SELECT r.*, as_of, enum_code(r.stage)::INTEGER + 1 AS now_place,
        CASE WHEN r.secretary_on <= as_of THEN 4 WHEN r.cadre_on <= as_of THEN 3 WHEN r.member_on <= as_of THEN 2 ELSE 1 END AS dated_place
    FROM build CROSS JOIN reserve AS r WHERE r.entered_on <= as_of
),
judged AS (
    SELECT *, CASE WHEN [capable_on, member_on, cadre_on, secretary_on][now_place] > as_of THEN least(now_place, dated_place) ELSE now_place END AS place
    FROM placed
)
SELECT j.reserve_id, j.person_id, p.name AS person_name, j.village_id, v.name AS village_name, v.township_id, o.short_name AS township_name,
    ['致富能手', '党员', '村干部', '村党组织书记'][j.place] AS stage, j.place, in_office(j.entered_on, j.exited_on, j.as_of) AS active,
    j.entered_on, CASE WHEN j.exited_on <= j.as_of THEN j.exited_on END AS exited_on, CASE WHEN j.exited_on <= j.as_of THEN j.exit_reason END AS exit_reason,
    j.duty, j.mentor, [j.capable_on, j.member_on, j.cadre_on, j.secretary_on] AS days
FROM judged AS j LEFT JOIN people AS p ON p.person_id = j.person_id
LEFT JOIN villages AS v ON v.village_id = j.village_id LEFT JOIN organisations AS o ON o.org_id = v.township_id
