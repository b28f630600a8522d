/*
title: 联审送单和答复
description: 每次选任送每个联审部门审查的每一个人：送单日期、答复期限、答复、意见的有效期和现在的状态。
fields:
  election_id: {title: 选任编号, sensitivity: internal}
  batch: {title: 送单批次, description: 送单的年月。, sensitivity: internal}
  term: {title: 届次, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  township_name: {title: 乡镇（街道）, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  person_name: {title: 姓名, sensitivity: internal}
  post: {title: 拟任职务, sensitivity: internal}
  org_id: {title: 联审部门编号, sensitivity: internal}
  org_name: {title: 联审部门, sensitivity: internal}
  org_order: {title: 部门次序, sensitivity: internal}
  duty: {title: 审查内容, sensitivity: internal}
  sent_on: {title: 送单日期, sensitivity: internal}
  reply_days: {title: 答复时限（工作日）, description: 送单之时的文件没有规定的空着。, sensitivity: internal}
  due_on: {title: 答复期限, sensitivity: internal}
  replied_on: {title: 答复日期, sensitivity: internal}
  result: {title: 审查意见, sensitivity: internal}
  valid_to: {title: 意见有效期至, sensitivity: internal}
  state: {title: 状态, description: 待答复、逾期未答复、已答复、已过期。, sensitivity: internal}
  needed: {title: 是否还要用, description: 选任还没有结束的。, sensitivity: internal}
*/
-- The list goes out when the stage begins; on it is whoever stands as a candidate or has been reviewed.
WITH sent AS (
    SELECT e.election_id, e.term, e.village_id, e.outcome = '进行中' AS needed, s.started_on AS sent_on, as_of
    FROM build CROSS JOIN election_summary AS e JOIN election_stages AS s USING (election_id)
    WHERE s.stage = '资格联审' AND s.started_on <= as_of AND (e.kind LIKE '党组织%' OR e.kind = '组织任命')
),
listed AS (
    SELECT election_id, person_id, min_by(post, ordinal)::VARCHAR AS post FROM election_candidates GROUP BY election_id, person_id
    UNION ALL
    SELECT DISTINCT r.election_id, r.person_id, NULL FROM joint_reviews AS r ANTI JOIN election_candidates USING (election_id, person_id)
),
asked AS (
    SELECT s.*, l.person_id, l.post, d.org_id, d.duty, d.ordinal AS org_order,
        param_count('review_reply_working_days', s.sent_on) AS reply_days,
        r.date AS replied_on, r.result,
        r.date + param_count('joint_review_days', r.date) AS valid_to
    FROM sent AS s JOIN listed AS l USING (election_id)
    JOIN policy_departments AS d ON d.role = '资格联审' AND d.effective_from <= s.sent_on AND (d.effective_to IS NULL OR d.effective_to >= s.sent_on)
    LEFT JOIN joint_reviews AS r ON r.election_id = s.election_id AND r.person_id = l.person_id AND r.org_id = d.org_id AND r.date <= s.as_of
)
SELECT a.election_id, strftime(a.sent_on, '%Y-%m') AS batch, a.term, a.village_id, w.village_name, v.township_id, w.office_short_name AS township_name,
    a.person_id, p.name AS person_name, called(a.post, w.committee, w.party_org_type) AS post, a.org_id, o.short_name AS org_name, a.org_order, a.duty,
    a.sent_on, a.reply_days, add_working_days(a.sent_on, a.reply_days) AS due_on, a.replied_on, a.result::VARCHAR AS result, a.valid_to,
    CASE WHEN a.replied_on IS NULL THEN CASE WHEN a.as_of > add_working_days(a.sent_on, a.reply_days) THEN '逾期未答复' ELSE '待答复' END
        WHEN a.needed AND a.as_of > a.valid_to THEN '已过期' ELSE '已答复' END AS state, a.needed
FROM asked AS a LEFT JOIN villages AS v USING (village_id)
LEFT JOIN village_names AS w ON w.village_id = a.village_id AND a.sent_on BETWEEN w.since AND w.until
LEFT JOIN organisations AS o ON o.org_id = a.org_id LEFT JOIN people AS p ON p.person_id = a.person_id
