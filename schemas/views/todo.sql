/*
title: 全部待办
description: 全部机制到期、将要到期和没有办结的事项，按承办机构。人数多的事项按乡镇（街道）合计成一条。
fields:
  todo_id: {title: 待办编号, description: 同一事项的编号不变，供日历订阅使用。, sensitivity: internal}
  system: {title: 所属机制, sensitivity: internal}
  kind: {title: 事项类别, sensitivity: internal}
  title: {title: 事项, sensitivity: internal}
  org_id: {title: 承办机构编号, sensitivity: internal}
  org_name: {title: 承办机构, sensitivity: internal}
  telephone: {title: 联系电话, description: 承办机构的办公电话。, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  filing_id: {title: 备案事项编号, sensitivity: internal}
  due_on: {title: 期限, description: 空着表示没有规定期限。, sensitivity: internal}
  overdue: {title: 是否超期, sensitivity: internal}
  days_left: {title: 剩余天数, description: 负数为已超期的天数。, sensitivity: internal}
  state: {title: 紧急程度, description: 超期、七日内、三十日内、以后、没有期限。, sensitivity: internal}
  table_name: {title: 所在表, sensitivity: internal}
  record_key: {title: 记录编号, sensitivity: internal}
*/
-- The office that issued the policy of a system answers for what the city itself has to do in it.
WITH city_office AS (
    SELECT s.system, arg_max(p.issued_by, (p.effective_from, p.policy_id)) AS org_id
    FROM build CROSS JOIN policies AS p, unnest(p.systems) AS s(system) WHERE p.effective_from <= as_of GROUP BY s.system
),
-- A term or a posting is on the list three months before it ends: that is how long its end takes to prepare.
horizon AS (SELECT as_of, as_of + 90 AS soon, year(as_of)::INTEGER AS this_year FROM build),
secretary AS (
    SELECT s.* FROM horizon CROSS JOIN secretary_tenures AS s WHERE in_office(s.started_on, s.ended_on, as_of)
),
items AS (
    SELECT system, kind, title, org_id, township_id, village_id, person_id, filing_id, due_on, table_name, record_key, '' AS part FROM deadlines

    -- M1 elections
    UNION ALL BY NAME
    SELECT 'M1' AS system, '选任进行中' AS kind, e.village_name || in_place(e.kind, v.kind) || '进行到“' || coalesce(latest_stage, '尚未开始') || '”' AS title,
        e.township_id AS org_id, e.township_id, e.village_id, 'elections' AS table_name, e.election_id AS record_key
    FROM election_summary AS e LEFT JOIN villages AS v USING (village_id) WHERE e.outcome = '进行中'
    UNION ALL BY NAME
    SELECT 'M1' AS system, '失败待重选' AS kind, e.village_name || in_place(e.kind, v.kind) || '没有成功，应当在' || day_in_words(repeat_due_on) || '以前重新选举' AS title,
        e.township_id AS org_id, e.township_id, e.village_id, repeat_due_on AS due_on, 'elections' AS table_name, election_id AS record_key
    FROM election_summary AS e LEFT JOIN villages AS v USING (village_id)
    WHERE outcome = '失败' AND repeated_by IS NULL
      -- Settled in another way since: by a new election that forgot to name this one, or by an appointment.
      AND NOT EXISTS (SELECT 1 FROM election_summary AS later
          WHERE later.village_id = e.village_id AND later.outcome <> '失败' AND later.latest_on > e.latest_on
            AND contains(later.kind, '村（居）委会') = contains(e.kind, '村（居）委会'))
    UNION ALL BY NAME
    SELECT 'M1' AS system, '公示待办结' AS kind, v.name || coalesce(p.name, n.person_id) || '的' || n.kind || '已经期满，没有登记结果' AS title,
        v.township_id AS org_id, v.township_id, n.village_id, n.person_id, n.ended_on AS due_on, 'notices' AS table_name, n.notice_id AS record_key
    FROM horizon CROSS JOIN notices AS n LEFT JOIN villages AS v USING (village_id) LEFT JOIN people AS p USING (person_id)
    WHERE n.kind IN ('候选人公示', '任前公示') AND n.ended_on < as_of AND (n.result IS NULL OR n.closed_on IS NULL)
    UNION ALL BY NAME
    SELECT 'M1' AS system, '任期届满' AS kind, c.village_name || '书记' || c.name || '本届任期于' || day_in_words(c.term_ends_on) || '届满' AS title,
        c.township_id AS org_id, c.township_id, c.village_id, c.person_id, c.term_ends_on AS due_on, 'tenures' AS table_name, c.tenure_id AS record_key
    FROM horizon CROSS JOIN current_secretaries AS c WHERE c.term_ends_on <= soon

    -- M5 first secretaries
    UNION ALL BY NAME
    SELECT 'M5' AS system, '季度督导' AS kind, quarter_name || '还有' || count(*) || '名第一书记没有督导' AS title,
        org_id, quarter_end AS due_on, 'inspections' AS table_name, org_id || '/' || quarter_name AS record_key
    FROM horizon CROSS JOIN inspection_calendar
    -- What was missed before the last quarter cannot be made good any more; the warnings remember it.
    WHERE days_in_post >= 45 AND (state = '未到期' OR (state = '未督导' AND quarter_end >= date_trunc('quarter', as_of) - INTERVAL 1 DAY))
    GROUP BY org_id, quarter_name, quarter_end
    UNION ALL BY NAME
    SELECT 'M5' AS system, '督导整改' AS kind, f.village_name || '第一书记' || f.person_name || '：' || c.org_name || '督导发现的问题还没有完成整改' AS title,
        f.township_id AS org_id, f.township_id, f.village_id, f.person_id, c.rectify_by AS due_on, 'first_secretaries' AS table_name,
        f.first_secretary_id AS record_key, c.quarter_name || c.org_id AS part
    FROM horizon CROSS JOIN inspection_calendar AS c JOIN first_secretary_status AS f USING (first_secretary_id)
    WHERE f.in_post AND c.findings IS NOT NULL AND (c.rectified_on IS NULL OR c.rectified_on > as_of)
    UNION ALL BY NAME
    SELECT 'M5' AS system, '督导反馈' AS kind, c.org_name || c.quarter_name || '对' || count(*) || '名第一书记的督导结果还没有反馈派出单位' AS title,
        c.org_id, min(add_working_days(c.date, param_number('inspection_feedback_working_days', c.date))) AS due_on,
        'inspections' AS table_name, c.org_id || '/' || c.quarter_name AS record_key
    FROM horizon CROSS JOIN inspection_calendar AS c
    -- The unit has closed its assessment of the years before; what it was not told then is a warning and no work left.
    WHERE c.state = '已督导' AND c.date <= as_of AND (c.sent_to_unit_on IS NULL OR c.sent_to_unit_on > as_of) AND c.year >= this_year - 1
    GROUP BY c.org_id, c.org_name, c.quarter_name
    UNION ALL BY NAME
    SELECT 'M5' AS system, '派驻期满' AS kind, f.village_name || '第一书记' || f.person_name || '任期于' || day_in_words(f.term_ends_on) || '届满' AS title,
        o.org_id, f.township_id, f.village_id, f.person_id, f.term_ends_on AS due_on, 'first_secretaries' AS table_name, f.first_secretary_id AS record_key
    FROM horizon CROSS JOIN first_secretary_status AS f LEFT JOIN city_office AS o ON o.system = 'M0' WHERE f.in_post AND f.term_ends_on <= soon
    UNION ALL BY NAME
    SELECT 'M5' AS system, '应当召回' AS kind, f.village_name || '第一书记' || f.person_name || '连续' || f.poor_quarters_running || '个季度不合格' AS title,
        o.org_id, f.township_id, f.village_id, f.person_id, f.last_inspected_on AS due_on, 'first_secretaries' AS table_name, f.first_secretary_id AS record_key
    FROM first_secretary_status AS f LEFT JOIN city_office AS o ON o.system = 'M0' WHERE f.recall_due

    UNION ALL BY NAME
    SELECT 'M5' AS system, '期满考核' AS kind, w.who || '已经离任，还没有期满考核等次' AS title, o.org_id, v.township_id, w.village_id, w.person_id,
        w.ended_on + 30 AS due_on, w.table_name, w.record_key
    FROM horizon CROSS JOIN (
        SELECT coalesce(v.name, s.village_id) || '第一书记' || coalesce(p.name, s.person_id) AS who, s.village_id, s.person_id, s.ended_on,
            'first_secretaries' AS table_name, s.first_secretary_id AS record_key
        FROM first_secretaries AS s LEFT JOIN people AS p USING (person_id) LEFT JOIN villages AS v ON v.village_id = s.village_id
        WHERE s.end_reason IN ('期满轮换', '提拔任用') AND s.term_grade IS NULL
        UNION ALL BY NAME
        SELECT coalesce(v.name, w.village_id) || '工作队队员' || w.name AS who, w.village_id, w.ended_on, 'team_workers' AS table_name, w.worker_id AS record_key
        FROM team_workers AS w LEFT JOIN villages AS v USING (village_id) WHERE w.term_grade IS NULL
    ) AS w LEFT JOIN villages AS v USING (village_id) LEFT JOIN city_office AS o ON o.system = 'M0'
    WHERE w.ended_on <= as_of AND param('leave_city_days', w.ended_on) IS NOT NULL
    UNION ALL BY NAME
    SELECT 'M5' AS system, '请假待批' AS kind, coalesce(v.name, v.village_id) || coalesce(p.name, w.name, '') || day_in_words(l.started_on) || '起请假'
            || (l.ended_on - l.started_on + 1) || '天，还没有批准' AS title,
        CASE WHEN l.ended_on - l.started_on + 1 > param_count('leave_city_days', l.started_on) THEN o.org_id ELSE v.township_id END AS org_id,
        v.township_id, v.village_id, s.person_id, l.started_on AS due_on, 'leaves' AS table_name, l.leave_id AS record_key
    FROM horizon CROSS JOIN leaves AS l LEFT JOIN first_secretaries AS s USING (first_secretary_id) LEFT JOIN team_workers AS w ON w.worker_id = l.worker_id
    LEFT JOIN people AS p ON p.person_id = s.person_id LEFT JOIN villages AS v ON v.village_id = coalesce(s.village_id, w.village_id)
    LEFT JOIN city_office AS o ON o.system = 'M0'
    WHERE (l.approved_by IS NULL OR l.approved_on IS NULL) AND param('leave_city_days', l.started_on) IS NOT NULL

    -- M6 reserve
    UNION ALL BY NAME
    SELECT 'M6' AS system, '缺后备' AS kind, village_name || CASE WHEN poor THEN '是省级贫困村，' ELSE '' END || '在库后备' || in_store || '人，应当不少于' || required || '人' AS title,
        township_id AS org_id, township_id, village_id, 'villages' AS table_name, village_id AS record_key
    FROM reserve_pipeline WHERE short

    UNION ALL BY NAME
    SELECT 'M6' AS system, '后备考察' AS kind, any_value(o.short_name) || '还有' || count(*) || '名后备没有' || y.year || '年的考察' AS title,
        v.township_id AS org_id, v.township_id, year_end(y.year) AS due_on, 'reserve_reviews' AS table_name, v.township_id || '/' || y.year AS record_key
    FROM horizon CROSS JOIN (SELECT this_year AS year FROM horizon UNION ALL SELECT this_year - 1 FROM horizon) AS y
    CROSS JOIN reserve AS r JOIN villages AS v USING (village_id) LEFT JOIN organisations AS o ON o.org_id = v.township_id
    WHERE r.entered_on <= make_date(y.year, 1, 1) AND r.exited_on IS NULL AND param('activist_months', year_end(y.year)) IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM reserve_reviews AS w WHERE w.reserve_id = r.reserve_id AND w.year = y.year)
    GROUP BY v.township_id, y.year
    UNION ALL BY NAME
    SELECT 'M6' AS system, '后备出库' AS kind, v.name || '后备' || coalesce(p.name, r.person_id) || w.year || '年考察不合格，还没有出库' AS title,
        v.township_id AS org_id, v.township_id, r.village_id, r.person_id, 'reserve' AS table_name, r.reserve_id AS record_key
    FROM horizon CROSS JOIN reserve_reviews AS w JOIN reserve AS r USING (reserve_id)
    LEFT JOIN villages AS v USING (village_id) LEFT JOIN people AS p USING (person_id)
    WHERE w.result = '不合格' AND w.date <= as_of AND r.exited_on IS NULL
    UNION ALL BY NAME
    SELECT 'M6' AS system, '预备期满' AS kind, v.name || '后备' || coalesce(p.name, r.person_id) || '的预备期于' || day_in_words(r.member_on + to_months(12))
            || '届满，请讨论转正' AS title,
        v.township_id AS org_id, v.township_id, r.village_id, r.person_id, (r.member_on + to_months(12))::DATE AS due_on,
        'reserve' AS table_name, r.reserve_id AS record_key
    FROM horizon CROSS JOIN reserve AS r LEFT JOIN villages AS v USING (village_id) LEFT JOIN people AS p USING (person_id)
    WHERE r.target_on IS NOT NULL AND r.confirmed_on IS NULL AND r.exited_on IS NULL AND r.member_on + to_months(12) <= soon

    -- M7, M8 training
    UNION ALL BY NAME
    SELECT 'M7' AS system, '年度培训' AS kind, any_value(t.township_name) || '还有' || count(*) || '名书记没有达到' || t.year || '年集中培训要求' AS title,
        t.township_id AS org_id, t.township_id, year_end(t.year) AS due_on, 'attendance' AS table_name, t.township_id || '/' || t.year AS record_key
    FROM horizon CROSS JOIN training_year AS t WHERE t.year = this_year AND t.judged AND NOT t.met AND t.in_office
    GROUP BY t.township_id, t.year
    UNION ALL BY NAME
    SELECT 'M8' AS system, '训前调研' AS kind, c.title || '将于' || day_in_words(c.started_on) || '开班，还没有完成需求调研' AS title,
        c.org_id, c.started_on - 1 AS due_on, 'training_classes' AS table_name, c.class_id AS record_key
    FROM horizon CROSS JOIN training_classes AS c WHERE c.started_on > as_of AND (c.survey_ended_on IS NULL OR c.survey_ended_on > as_of)
      AND c.level <= '市级'::training_classes_level

    UNION ALL BY NAME
    SELECT 'M8' AS system, '训后评估' AS kind, c.title || day_in_words(c.ended_on) || '结业，还没有评估' AS title, c.org_id,
        c.ended_on + param_count('evaluation_days', c.ended_on) AS due_on, 'training_classes' AS table_name, c.class_id AS record_key
    FROM horizon CROSS JOIN training_classes AS c
    WHERE c.ended_on <= as_of AND (c.evaluation_date IS NULL OR c.evaluation_date > as_of) AND c.level >= '市级'::training_classes_level
      AND param('evaluation_days', c.ended_on) IS NOT NULL
    UNION ALL BY NAME
    -- Half a year after its end a class is visited, within a month: it is on the list when that is near.
    SELECT 'M8' AS system, '训后回访' AS kind, c.title || day_in_words(c.ended_on) || '结业，满' || c.months || '个月应当回访' AS title, c.org_id,
        (c.ended_on + to_months(c.months + 1))::DATE AS due_on, 'training_classes' AS table_name, c.class_id AS record_key
    FROM horizon CROSS JOIN (SELECT *, param_count('revisit_months', ended_on) AS months FROM training_classes) AS c
    WHERE c.ended_on + to_months(c.months) <= soon AND (c.revisit_date IS NULL OR c.revisit_date > as_of)
      AND c.level >= '市级'::training_classes_level

    -- M10, M11 targets and appraisal
    UNION ALL BY NAME
    SELECT 'M10' AS system, '年度目标' AS kind, any_value(o.short_name) || '还有' || count(*) || '个村（社区）没有登记' || this_year || '年岗位目标' AS title,
        s.township_id AS org_id, s.township_id, 'targets' AS table_name, s.township_id || '/' || this_year AS record_key
    FROM horizon CROSS JOIN secretary AS s ANTI JOIN targets AS t ON t.village_id = s.village_id AND t.year = this_year
    LEFT JOIN organisations AS o ON o.org_id = s.township_id
    GROUP BY s.township_id, this_year
    UNION ALL BY NAME
    SELECT 'M10' AS system, '年终考核' AS kind, any_value(t.township_name) || '还有' || count(*) || '个村（社区）没有完成' || t.year || '年岗位目标考核' AS title,
        t.township_id AS org_id, t.township_id,
        TRY_CAST((t.year + 1) || '-' || param('report_deadline', year_end(t.year)) AS DATE) AS due_on,
        'targets' AS table_name, t.township_id || '/' || t.year AS record_key
    FROM horizon CROSS JOIN target_years AS t WHERE t.year IN (this_year, this_year - 1) AND NOT t.complete
    GROUP BY t.township_id, t.year
    UNION ALL BY NAME
    SELECT 'M11' AS system, '双向述职' AS kind, any_value(o.short_name) || '还有' || count(*) || '名书记没有完成' || y.year || '年度双向述职' AS title,
        y.township_id AS org_id, y.township_id,
        TRY_CAST((y.year + 1) || '-' || param('report_deadline', year_end(y.year)) AS DATE) AS due_on,
        'appraisals' AS table_name, y.township_id || '/' || y.year AS record_key
    FROM horizon CROSS JOIN secretary_years AS y JOIN secretary AS s USING (tenure_id)
    LEFT JOIN organisations AS o ON o.org_id = y.township_id
    LEFT JOIN appraisal_summary AS a ON a.person_id = y.person_id AND a.year = y.year
    WHERE y.year IN (this_year, this_year - 1) AND y.half_year AND y.in_office
      AND y.year >= (SELECT first_year FROM ledger_starts WHERE ledger = '考核')
      AND (a.appraisal_id IS NULL OR a.reports_township_date IS NULL OR a.reports_members_date IS NULL)
    GROUP BY y.township_id, y.year
    UNION ALL BY NAME
    SELECT 'M11' AS system, '启动调整' AS kind, a.village_name || '书记' || a.person_name || a.year || '年度评议达到启动调整的条件' AS title,
        a.township_id AS org_id, a.township_id, a.village_id, a.person_id, a.asked_on AS due_on, 'appraisals' AS table_name, a.appraisal_id AS record_key
    FROM appraisal_summary AS a SEMI JOIN secretary AS s ON s.person_id = a.person_id
    WHERE a.adjustment_asked
      AND NOT EXISTS (SELECT 1 FROM adjustments AS j
        WHERE j.appraisal_id = a.appraisal_id OR (j.person_id = a.person_id AND j.opened_on >= coalesce(a.reports_members_date, a.asked_on)))

    UNION ALL BY NAME
    SELECT 'M11' AS system, '重开述职会' AS kind, v.name || '书记' || coalesce(p.name, a.person_id) || a.year || '年度述职会到会'
            || a.came || '人，应到' || a.reports_members_expected || '人，没有达到规定人数' AS title,
        v.township_id AS org_id, v.township_id, a.village_id, a.person_id, 'appraisals' AS table_name, a.appraisal_id AS record_key
    FROM horizon CROSS JOIN (SELECT *, coalesce(reports_members_present, 0) + coalesce(reports_members_representatives, 0) AS came,
        param_number('report_attendance_share', reports_members_date) AS share FROM appraisals WHERE reports_members_date IS NOT NULL) AS a
    LEFT JOIN villages AS v USING (village_id) LEFT JOIN people AS p USING (person_id)
    WHERE a.year = this_year - 1 AND a.reports_members_date <= as_of AND a.came < a.reports_members_expected * a.share - 0.01

    -- M12, M13 audit and adjustment
    UNION ALL BY NAME
    SELECT 'M12' AS system, '离任审计' AS kind, a.village_name || '原书记' || a.person_name || day_in_words(a.ended_on) || '离任，' || a.state AS title,
        a.township_id AS org_id, a.township_id, a.village_id, a.person_id, a.due_on, 'tenures' AS table_name, a.tenure_id AS record_key
    FROM audit_status AS a WHERE a.due_on IS NOT NULL AND a.state IN ('应审未审', '待审计', '逾期未报告', '审计中')
    UNION ALL BY NAME
    SELECT 'M12' AS system, '审计整改' AS kind, a.village_name || a.person_name || a.kind || '发现的问题' || a.state AS title,
        a.township_id AS org_id, a.township_id, a.village_id, a.person_id, a.rectify_by AS due_on, 'audits' AS table_name, a.audit_id AS record_key
    FROM audit_status AS a WHERE a.state IN ('整改中', '整改逾期')
    UNION ALL BY NAME
    SELECT 'M12' AS system, '审计公布' AS kind, a.village_name || a.person_name || a.kind || '结果还没有公布' AS title,
        a.township_id AS org_id, a.township_id, a.village_id, a.person_id, a.publish_by AS due_on, 'audits' AS table_name, a.audit_id AS record_key
    FROM audit_status AS a CROSS JOIN horizon WHERE a.reported_on <= as_of AND a.published_on IS NULL AND a.publish_by IS NOT NULL
    UNION ALL BY NAME
    SELECT 'M12' AS system, '任中审计' AS kind, s.village_name || '书记' || coalesce(p.name, s.person_id) || '到' || day_in_words(s.due_on) || '满'
            || param('mid_audit_years', as_of) || '年没有任中或者任期审计' AS title,
        s.township_id AS org_id, s.township_id, s.village_id, s.person_id, s.due_on, 'tenures' AS table_name, s.tenure_id AS record_key
    FROM horizon CROSS JOIN (
        -- Counted over the terms that adjoin, from the audit before.
        SELECT s.*, (greatest(s.service_from, (SELECT max(a.started_on) FROM audits AS a WHERE a.person_id = s.person_id
            AND a.kind <> '离任审计' AND a.started_on <= as_of)) + to_years(param_count('mid_audit_years', as_of)))::DATE AS due_on
        FROM horizon CROSS JOIN secretary AS s
    ) AS s LEFT JOIN people AS p USING (person_id)
    WHERE s.due_on <= soon
    UNION ALL BY NAME
    SELECT 'M13' AS system, '不合格书记调整' AS kind, j.village_name || '书记' || j.person_name || '：' || coalesce(j.tier || '，', '') || j.state AS title,
        j.township_id AS org_id, j.township_id, j.village_id, j.person_id,
        CASE WHEN j.state IN ('整改中', '整改逾期') THEN j.rectify_by ELSE j.due_on END AS due_on, 'adjustments' AS table_name, j.adjustment_id AS record_key
    FROM adjustment_status AS j WHERE j.state IN ('核实中', '整改中', '整改逾期', '待免职', '待备案')

    UNION ALL BY NAME
    SELECT 'M13' AS system, x.kind, j.village_name || j.person_name || '：' || x.what AS title,
        j.township_id AS org_id, j.township_id, j.village_id, j.person_id, x.due_on, 'adjustments' AS table_name, j.adjustment_id AS record_key
    FROM horizon CROSS JOIN adjustment_status AS j JOIN adjustments AS a USING (adjustment_id),
    LATERAL (
        SELECT '整改验收' AS kind, day_in_words(a.rectified_on) || '完成整改，还没有验收' AS what, NULL::DATE AS due_on
        WHERE a.rectified_on <= as_of AND a.accepted_on IS NULL
        UNION ALL
        SELECT '调整回访', '调整后三个月以内应当回访', (coalesce(a.accepted_on, a.closed_on) + to_months(3))::DATE
        WHERE coalesce(a.accepted_on, a.closed_on) <= as_of AND a.revisited_on IS NULL
    ) AS x
    WHERE a.decided_on <= as_of AND param('activist_months', a.decided_on) IS NOT NULL

    -- M14 pay
    UNION ALL BY NAME
    SELECT 'M14' AS system, '基本报酬' AS kind, any_value(o.short_name) || y.year || '年有' || sum(len(y.months_missing))::BIGINT || '人次基本报酬没有发放记录' AS title,
        y.township_id AS org_id, y.township_id, make_date(y.year, list_min(flatten(list(y.months_missing))), 1) + 30 AS due_on,
        'payments' AS table_name, y.township_id || '/' || y.year AS record_key
    FROM horizon CROSS JOIN pay_years AS y LEFT JOIN organisations AS o ON o.org_id = y.township_id
    WHERE y.year = this_year AND len(y.months_missing) > 0
    GROUP BY y.township_id, y.year
    UNION ALL BY NAME
    SELECT 'M14' AS system, '绩效报酬' AS kind, any_value(a.township_name) || '还有' || count(*) || '名书记的' || a.year || '年绩效报酬没有发放' AS title,
        a.township_id AS org_id, a.township_id, 'payments' AS table_name, a.township_id || '/' || a.year AS record_key
    FROM horizon CROSS JOIN appraisal_summary AS a
    JOIN pay_years AS y ON y.person_id = a.person_id AND y.year = a.year AND len(y.months_due) > 0
    WHERE a.year = this_year - 1 AND a.grade <> '不称职' AND a.decided_on <= as_of AND y.performance_payments = 0
    GROUP BY a.township_id, a.year

    -- M16 care
    UNION ALL BY NAME
    SELECT 'M16' AS system, '走访慰问' AS kind, any_value(d.township_name) || d.year || '年' || d.visit_window || '还有' || count(*) || '名台账对象没有走访' AS title,
        d.township_id AS org_id, d.township_id, d.period_end AS due_on, 'care' AS table_name, d.township_id || '/' || d.year || d.visit_window AS record_key
    FROM horizon CROSS JOIN care_due AS d WHERE d.kind = '走访慰问' AND d.year = this_year AND d.state <> '已落实'
    GROUP BY d.township_id, d.year, d.visit_window, d.period_end
    UNION ALL BY NAME
    SELECT 'M16' AS system, '走访慰问' AS kind, w.year || '年' || w.visit_window || '走访慰问期' || day_in_words(w.window_start) || '至' || day_in_words(w.window_end) || '，请安排' AS title,
        o.org_id, w.window_end AS due_on, 'visit_windows' AS table_name, w.year || w.visit_window AS record_key
    FROM horizon CROSS JOIN visit_windows AS w LEFT JOIN city_office AS o ON o.system = 'M16' WHERE w.window_start > as_of AND w.window_start <= soon
    UNION ALL BY NAME
    SELECT 'M16' AS system, d.kind, any_value(d.township_name) || '还有' || count(*) || '名书记' || d.year || '年没有' || d.kind AS title,
        d.township_id AS org_id, d.township_id, d.period_end AS due_on, 'care' AS table_name, d.township_id || '/' || d.year AS record_key
    FROM horizon CROSS JOIN care_due AS d WHERE d.kind IN ('体检', '谈心') AND d.year = this_year AND d.state <> '已落实'
    GROUP BY d.kind, d.township_id, d.year, d.period_end
    UNION ALL BY NAME
    SELECT 'M16' AS system, '补助' AS kind, '补助' || s.subsidy_id || CASE WHEN s.approved_on IS NULL THEN '已经申请，等待批准' ELSE '已经批准，等待发放' END AS title,
        CASE WHEN s.approved_on IS NULL THEN o.org_id ELSE s.org_id END AS org_id, s.org_id AS township_id, 'subsidies' AS table_name, s.subsidy_id AS record_key
    FROM horizon CROSS JOIN subsidies AS s LEFT JOIN city_office AS o ON o.system = 'M16'
    WHERE s.applied_on <= as_of AND (s.paid_on IS NULL OR s.paid_on > as_of)

    -- What all systems stand on
    UNION ALL BY NAME
    SELECT 'M0' AS system, '保密审查' AS kind, '“' || d.title || '”申请公开，还没有审查结论' AS title, o.org_id, 'disclosure_approvals' AS table_name,
        d.disclosure_id AS record_key
    FROM horizon CROSS JOIN disclosure_approvals AS d LEFT JOIN city_office AS o ON o.system = 'M0'
    WHERE d.applied_on <= as_of AND (d.decision IS NULL OR d.approved_on > as_of)
    UNION ALL BY NAME
    SELECT 'M0' AS system, '工作日历' AS kind, (this_year + 1) || '年的工作日历还没有登记，期限跨年的事项无法计算' AS title, o.org_id,
        year_end(this_year) AS due_on, 'calendar_years' AS table_name, (this_year + 1)::VARCHAR AS record_key
    FROM horizon LEFT JOIN city_office AS o ON o.system = 'M0'
    WHERE NOT EXISTS (SELECT 1 FROM calendar_years AS c WHERE c.year = this_year + 1)
)
SELECT md5(concat_ws('|', i.system, i.kind, i.table_name, i.record_key, i.part)) AS todo_id,
    i.system, i.kind, i.title, i.org_id, o.short_name AS org_name, o.telephone, i.township_id, i.village_id, v.name AS village_name, i.person_id, i.filing_id,
    i.due_on, coalesce(as_of > i.due_on, false) AS overdue, date_diff('day', as_of, i.due_on) AS days_left,
    CASE WHEN i.due_on IS NULL THEN '没有期限' WHEN as_of > i.due_on THEN '超期' WHEN i.due_on <= as_of + 7 THEN '七日内'
        WHEN i.due_on <= as_of + 30 THEN '三十日内' ELSE '以后' END AS state,
    i.table_name, i.record_key
FROM horizon CROSS JOIN items AS i
LEFT JOIN organisations AS o ON o.org_id = i.org_id LEFT JOIN villages AS v ON v.village_id = i.village_id
ORDER BY i.due_on NULLS LAST, i.system, i.record_key
