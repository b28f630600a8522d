/*
id: R44
title: 逐级培养，两项推荐齐全
severity: error
clause: [cultivation#3, cultivation#2, cultivation#8]
table: reserve
column: stage
dated: entered_on
message: "{village_name}后备{person_name}（{reserve_id}）：{problem}。"
remedy: "培养按致富能手、党员、村干部、村党组织书记逐级进行，支部推荐和群众推荐都完成以后才可以入库；请核对各项日期。"
*/
-- The four stages as a list in their order: what is missing before the present stage, filled after it, or turned round.
WITH staged AS (
    SELECT r.*, enum_code(r.stage)::INTEGER + 1 AS place,
        [r.capable_on, r.member_on, r.cadre_on, r.secretary_on] AS days,
        ['认定致富能手', '发展为党员', '培养为村干部', '培养为书记'] AS steps,
        ['capable_on', 'member_on', 'cadre_on', 'secretary_on'] AS columns
    FROM reserve AS r
),
wrong AS (
    SELECT s.reserve_id, columns[n] AS _column,
        CASE WHEN days[n] IS NULL THEN '现处阶段是“' || stage || '”，没有' || steps[n] || '日期'
            ELSE '现处阶段是“' || stage || '”，却有' || steps[n] || '日期' END AS problem
    FROM staged AS s, (VALUES (1), (2), (3), (4)) AS numbers(n)
    WHERE (days[n] IS NULL) = (n <= place)
    UNION ALL
    SELECT s.reserve_id, columns[n + 1], steps[n + 1] || '日期' || day_in_words(days[n + 1]) || '早于' || steps[n] || '日期' || day_in_words(days[n])
    FROM staged AS s, (VALUES (1), (2), (3)) AS numbers(n)
    WHERE days[n + 1] < days[n]
    UNION ALL
    SELECT reserve_id, CASE WHEN branch_recommended_on IS NULL THEN 'branch_recommended_on' ELSE 'mass_recommended_on' END,
        '没有' || concat_ws('、', CASE WHEN branch_recommended_on IS NULL THEN '支部推荐' END,
            CASE WHEN mass_recommended_on IS NULL THEN '群众推荐' END) || '日期'
    FROM staged WHERE branch_recommended_on IS NULL OR mass_recommended_on IS NULL
    UNION ALL
    SELECT reserve_id, 'entered_on', day_in_words(entered_on) || '入库，早于' || CASE WHEN branch_recommended_on > entered_on
        THEN '支部推荐日期' || day_in_words(branch_recommended_on) ELSE '群众推荐日期' || day_in_words(mass_recommended_on) END
    FROM staged WHERE branch_recommended_on > entered_on OR mass_recommended_on > entered_on
    UNION ALL
    SELECT reserve_id, 'exit_reason', day_in_words(exited_on) || '出库，没有写明原因' FROM staged WHERE exited_on IS NOT NULL AND exit_reason IS NULL
    UNION ALL
    SELECT reserve_id, 'exited_on', day_in_words(exited_on) || '出库，早于入库日期' || day_in_words(entered_on) FROM staged WHERE exited_on < entered_on
)
SELECT w.reserve_id, r.person_id, r.village_id, v.name AS village_name, coalesce(p.name, r.person_id) AS person_name, r.entered_on, w.problem, w._column,
    r._file, r._line
FROM wrong AS w JOIN reserve AS r USING (reserve_id)
LEFT JOIN people AS p ON p.person_id = r.person_id LEFT JOIN villages AS v ON v.village_id = r.village_id
