/*
id: R85
title: 政治激励对象符合考核、纪律和审计条件
severity: warning
clause: [advancement#3, advancement#8, support-2022#5]
complete: [appraisals, audits]
table: advancement
column: recommended_on
message: "{village_name}书记{person_name}推荐为{kind}（{advancement_id}），{problem}。"
remedy: "不符合条件的不得推荐；考核、审计整改记录不全的请补录。"
*/
-- Grades of years before appraisals were kept cannot be asked for. By what was decided on the day of the recommendation. What bars him by discipline stays unsaid: only the clause is named.
WITH recent AS (
    SELECT a.advancement_id, k.grade, row_number() OVER (PARTITION BY a.advancement_id ORDER BY k.year DESC) AS nth,
        param_count('advancement_appraisal_years', a.recommended_on) AS asked,
        l.first_year <= year(a.recommended_on) - param_count('advancement_appraisal_years', a.recommended_on) AS kept
    FROM advancement AS a JOIN ledger_starts AS l ON l.ledger = '考核'
    LEFT JOIN appraisals AS k ON k.person_id = a.person_id AND k.decided_on <= a.recommended_on AND k.year >= year(a.recommended_on) - 4
    WHERE a.kind = '选拔乡镇领导干部'
), judged AS (
    SELECT advancement_id, any_value(asked) AS asked, any_value(kept) AS kept, count(grade) AS graded, count_if(grade < '称职'::appraisals_grade) AS poor,
        count_if(grade = '优秀') AS best
    FROM recent WHERE nth <= asked GROUP BY advancement_id
), wrong AS (
    SELECT advancement_id, CASE WHEN graded < asked AND kept THEN '以前' || asked || '年只有' || graded || '次考核确定了等次'
        WHEN poor > 0 THEN '最近' || asked || '次考核有' || poor || '次在称职以下' ELSE '最近' || asked || '次考核没有一次优秀' END AS problem
    FROM judged WHERE graded < asked AND kept OR poor > 0 OR best = 0 AND graded = asked
    UNION ALL
    SELECT a.advancement_id, string_agg('审计' || u.audit_id, '、' ORDER BY u.audit_id) || '发现严重问题，当时没有整改到位'
    FROM advancement AS a JOIN audits AS u ON u.person_id = a.person_id AND u.conclusion = '存在严重问题' AND u.reported_on <= a.recommended_on
        AND coalesce(u.rectified_on > a.recommended_on, true)
    GROUP BY a.advancement_id
    UNION ALL
    SELECT DISTINCT a.advancement_id, '不符合政治激励办法第八条的条件，请核对本人档案'
    FROM advancement AS a JOIN person_sanctions AS s ON s.person_id = a.person_id AND first_day(s.decided_on) <= a.recommended_on
        AND coalesce(latest_day(s.expires_on) > a.recommended_on, s.expires_on IS NULL)
)
SELECT w.advancement_id, a.person_id, a.village_id, coalesce(v.name, a.village_id) AS village_name, coalesce(p.name, a.person_id) AS person_name,
    a.kind, w.problem, a._file, a._line
FROM build CROSS JOIN wrong AS w JOIN advancement AS a USING (advancement_id)
LEFT JOIN villages AS v ON v.village_id = a.village_id LEFT JOIN people AS p ON p.person_id = a.person_id
WHERE a.recommended_on <= as_of
