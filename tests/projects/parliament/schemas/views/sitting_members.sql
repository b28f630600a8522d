/*
title: 在任议员
description: 基准日在任的议员。
fields:
  member_id: {title: 议员编号, sensitivity: public}
  name: {title: 姓名, sensitivity: public}
  years: {title: 任职年数, sensitivity: public}
  attendance: {title: 出席率, sensitivity: internal}
*/
SELECT m.member_id, m.name, date_diff('year', m.started, b.as_of) AS years, m.attendance, m.home_phone
FROM members m, build b
WHERE m.started <= b.as_of AND (m.ended IS NULL OR m.ended > b.as_of)
