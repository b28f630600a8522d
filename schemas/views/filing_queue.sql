/*
title: 备案队列
description: 在办的备案，轮到哪个机构、还有几天到期，最急的在前。
fields:
  filing_id: {title: 备案事项编号, sensitivity: internal}
  kind: {title: 备案种类, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  person_name: {title: 姓名, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  township_name: {title: 乡镇（街道）, sensitivity: internal}
  state: {title: 状态, sensitivity: internal}
  state_since: {title: 进入状态日期, sensitivity: internal}
  org_id: {title: 轮到哪个机构（编号）, sensitivity: internal}
  org_name: {title: 轮到哪个机构, sensitivity: internal}
  next_states: {title: 下一步, sensitivity: internal}
  due_on: {title: 期限, sensitivity: internal}
  overdue: {title: 是否超期, sensitivity: internal}
  days_left: {title: 剩余天数, description: 到时限那一天的天数，负数为已超期的天数。, sensitivity: internal}
  ordinal: {title: 次序, sensitivity: internal}
*/
SELECT filing_id, kind, person_id, person_name, village_id, village_name, township_id, township_name, state, state_since,
    next_org_id AS org_id, next_org_name AS org_name, next_states, due_on, overdue,
    date_diff('day', as_of, due_on) AS days_left,
    row_number() OVER (ORDER BY due_on NULLS LAST, filing_id) AS ordinal
FROM filing_status, build
WHERE open
ORDER BY ordinal
