/*
id: R82
title: 审计由政府部门组织，结果按期公布
severity: warning
clause: [audit-rules#2, audit-rules#3]
complete: [organisations, elections]
table: audits
column: org_id
message: "{village_name}{person_name}的{kind}（{audit_id}）{problem}。"
remedy: "审计单位填乡镇政府（街道办事处）或者市农业农村、财政部门；审计结果按期公布，填写公布日期。"
*/
-- Who may audit besides the township's own government is on the list of the policy; a Party committee never is. Held
-- against the policy of the day on which the audit began.
SELECT a.audit_id, a.person_id, a.village_id, a.tenure_id, coalesce(v.name, a.village_id) AS village_name, coalesce(p.name, a.person_id) AS person_name,
    a.kind, CASE WHEN o.type = '乡镇政府' THEN '的审计单位是' || o.name || '，不是本乡镇（街道）的'
        ELSE '的审计单位是' || coalesce(o.name, a.org_id) || '，应当由乡镇政府（街道办事处）或者市农业农村、财政部门组织（村民委员会组织法第三十五条）' END AS problem,
    'org_id' AS _column, 'error' AS _severity, a._file, a._line
FROM audits AS a LEFT JOIN organisations AS o USING (org_id) LEFT JOIN villages AS v ON v.village_id = a.village_id
LEFT JOIN people AS p ON p.person_id = a.person_id
WHERE a.started_on >= (SELECT min(effective_from) FROM policies WHERE policy_id = 'audit-rules')
  AND NOT coalesce(o.type = '乡镇政府' AND o.parent = v.township_id, false)
  AND NOT EXISTS (SELECT 1 FROM policy_departments AS d WHERE d.role = '审计' AND d.org_id = a.org_id
      AND in_office(d.effective_from, d.effective_to + 1, a.started_on))
UNION ALL BY NAME
SELECT s.audit_id, s.person_id, s.village_id, s.tenure_id, coalesce(s.village_name, s.village_id) AS village_name,
    coalesce(s.person_name, s.person_id) AS person_name, s.kind,
    CASE WHEN s.published_on < s.reported_on THEN '结果于' || day_in_words(s.published_on) || '公布，早于报告日期' || day_in_words(s.reported_on)
        WHEN s.published_on IS NOT NULL THEN '结果于' || day_in_words(s.published_on) || '才公布' ELSE '结果没有公布' END
        || CASE WHEN s.publish_by < s.reported_on THEN in_place('，应当在下一届村（居）委会选举之前公布', v.kind)
            WHEN s.published_on >= s.reported_on OR s.published_on IS NULL THEN '，期限是' || day_in_words(s.publish_by) ELSE '' END AS problem,
    'published_on' AS _column, 'warning' AS _severity, a._file, a._line
FROM build CROSS JOIN audit_status AS s JOIN audits AS a USING (audit_id) LEFT JOIN villages AS v ON v.village_id = s.village_id
WHERE s.reported_on <= as_of AND (coalesce(s.published_on, as_of) > s.publish_by OR s.published_on < s.reported_on)
