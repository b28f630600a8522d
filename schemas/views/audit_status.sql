/*
title: 经济责任审计情况
description: 每次审计一行，应当审计而没有审计的离任书记也列一行：期限、结论、整改。
fields:
  audit_id: {title: 审计编号, sensitivity: internal}
  tenure_id: {title: 任职编号, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  person_name: {title: 姓名, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  township_name: {title: 乡镇（街道）, sensitivity: internal}
  kind: {title: 审计种类, sensitivity: internal}
  org_name: {title: 审计单位, sensitivity: internal}
  ended_on: {title: 离任日期, sensitivity: internal}
  due_on: {title: 报告期限, sensitivity: internal}
  started_on: {title: 进点日期, sensitivity: internal}
  reported_on: {title: 报告日期, sensitivity: internal}
  published_on: {title: 结果公布日期, sensitivity: internal}
  publish_by: {title: 公布期限, description: 报告之日起规定天数以内，离任审计还应当在下一届村（居）委会选举之前。, sensitivity: internal}
  in_time: {title: 是否按期, sensitivity: internal}
  conclusion: {title: 审计结论, sensitivity: internal}
  problems: {title: 问题个数, sensitivity: internal}
  rectify_by: {title: 整改期限, sensitivity: internal}
  rectified_on: {title: 整改完成日期, sensitivity: internal}
  state: {title: 状态, sensitivity: internal}
*/
-- Those who go on in the next term have not left; all others have, whatever the reason.
WITH departures AS (
    SELECT s.tenure_id, s.person_id, s.village_id, s.ended_on, s.ended_on + param_number('departure_audit_days', s.ended_on)::INTEGER AS due_on, as_of
    FROM build CROSS JOIN secretary_tenures AS s CROSS JOIN ledger_starts AS l
    WHERE s.ended_on <= as_of AND NOT s.goes_on AND l.ledger = '审计' AND year(s.ended_on) >= l.first_year
      AND param('departure_audit_days', s.ended_on) IS NOT NULL
),
-- The result of a departure audit is published before the next general election of the village committee.
next_election AS (
    SELECT t.tenure_id, min(m.date) AS voted_on
    FROM tenures AS t JOIN elections AS e ON e.village_id = t.village_id AND e.kind = '村（居）委会换届'
    JOIN election_meetings AS m ON m.election_id = e.election_id AND m.meeting = '村（居）民选举' AND m.date > t.ended_on
    GROUP BY t.tenure_id
),
-- The report may come shortly before he leaves, but not from an audit of years ago.
answered AS (
    SELECT d.tenure_id, arg_min(a.audit_id, (a.reported_on IS NULL, a.reported_on, a.audit_id)) AS audit_id
    FROM departures AS d JOIN audits AS a ON a.tenure_id = d.tenure_id AND a.kind = '离任审计'
        AND (a.reported_on IS NULL OR a.reported_on >= d.ended_on - 180)
    GROUP BY d.tenure_id
),
listed AS (
    SELECT a.audit_id, a.tenure_id, a.person_id, a.village_id, a.kind, a.org_id, d.ended_on, d.due_on, a.started_on, a.reported_on, a.published_on,
        a.reported_on <= d.due_on AS in_time, a.conclusion, a.problems, a.rectify_by, a.rectified_on, build.as_of, a._file, a._line
    FROM build CROSS JOIN audits AS a
    LEFT JOIN answered AS w ON w.audit_id = a.audit_id LEFT JOIN departures AS d ON d.tenure_id = w.tenure_id
    WHERE a.started_on <= build.as_of
    UNION ALL BY NAME
    SELECT d.tenure_id, d.person_id, d.village_id, '离任审计' AS kind, d.ended_on, d.due_on, d.as_of
    FROM departures AS d ANTI JOIN answered USING (tenure_id)
)
SELECT l.audit_id, l.tenure_id, l.person_id, p.name AS person_name, l.village_id, v.name AS village_name, v.township_id,
    t.short_name AS township_name, l.kind, o.short_name AS org_name, l.ended_on, l.due_on, l.started_on, l.reported_on, CASE WHEN l.published_on <= l.as_of THEN l.published_on END AS published_on,
    least(l.reported_on + param_count('audit_publish_days', l.reported_on), CASE WHEN l.kind = '离任审计' THEN n.voted_on - 1 END) AS publish_by,
    l.in_time, l.conclusion, l.problems, l.rectify_by, l.rectified_on,
    CASE
        WHEN l.audit_id IS NULL THEN CASE WHEN l.as_of > l.due_on THEN '应审未审' ELSE '待审计' END
        WHEN l.reported_on IS NULL OR l.reported_on > l.as_of THEN CASE WHEN l.as_of > l.due_on THEN '逾期未报告' ELSE '审计中' END
        WHEN coalesce(l.conclusion, '未发现问题') = '未发现问题' AND coalesce(l.problems, 0) = 0 THEN '已报告'
        WHEN l.rectified_on <= l.as_of THEN '已整改'
        WHEN l.as_of > l.rectify_by THEN '整改逾期'
        ELSE '整改中'
    END AS state
FROM listed AS l LEFT JOIN next_election AS n ON n.tenure_id = l.tenure_id
LEFT JOIN people AS p ON p.person_id = l.person_id
LEFT JOIN villages AS v ON v.village_id = l.village_id
LEFT JOIN organisations AS t ON t.org_id = v.township_id
LEFT JOIN organisations AS o ON o.org_id = l.org_id
