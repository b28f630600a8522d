/*
id: R73
title: 出生、工作、任职、去世的先后合乎常理
severity: error
clause: [records#7, records#8]
table: people
column: birth
message: "{name}（{person_id}）出生日期{birth}，{problem}。"
remedy: "请按身份证和原始材料核对日期；表格软件把空单元格写成1900年前后日期的，改回真实日期。"
*/
-- What no human life allows is an error; a first job in childhood may be a slip or the way a résumé was written.
-- A partial date is taken at the end that is in favour of the record.
-- Who asks what was so on an earlier day meets what was recorded since: up to the day of the commit that is a reminder.
WITH today AS (
    SELECT as_of, greatest(as_of, commit_time::DATE) AS known FROM build
),
event AS (
    SELECT _file, _line, 'people' AS _table, 'birth' AS _column, person_id, name, birth,
        CASE WHEN first_day(birth) <= known AND age_on(birth, as_of) < 14 THEN 'warning' END AS _severity,
        CASE WHEN first_day(birth) > as_of THEN '晚于基准日' || day_in_words(as_of)
            WHEN age_on(birth, coalesce(deceased_on, as_of)) > 110
                THEN '到' || day_in_words(coalesce(deceased_on, as_of)) || '已满' || age_on(birth, coalesce(deceased_on, as_of)) || '周岁'
            WHEN age_on(birth, as_of) < 14 THEN '到' || day_in_words(as_of) || '只有' || age_on(birth, as_of) || '周岁' END AS problem
    FROM people, today
    UNION ALL
    SELECT _file, _line, 'people', 'work_started', person_id, name, birth,
        CASE WHEN latest_day(work_started) < first_day(birth) OR first_day(work_started) > known THEN 'error' ELSE 'warning' END,
        CASE WHEN latest_day(work_started) < first_day(birth) THEN '参加工作时间' || day_in_words(work_started) || '早于出生'
            WHEN first_day(work_started) > as_of THEN '参加工作时间' || day_in_words(work_started) || '晚于基准日' || day_in_words(as_of)
            WHEN age_on(birth, latest_day(work_started)) < 14
                THEN '参加工作（' || day_in_words(work_started) || '）时只有' || age_on(birth, latest_day(work_started)) || '周岁' END
    FROM people, today
    UNION ALL
    SELECT _file, _line, 'people', 'deceased_on', person_id, name, birth, CASE WHEN deceased_on BETWEEN as_of + 1 AND known THEN 'warning' END,
        CASE WHEN deceased_on < first_day(birth) THEN '去世日期' || day_in_words(deceased_on) || '早于出生'
            WHEN deceased_on > as_of THEN '去世日期' || day_in_words(deceased_on) || '晚于基准日' || day_in_words(as_of) END
    FROM people, today
    UNION ALL
    SELECT r._file, r._line, 'person_resume', 'started', p.person_id, name, birth, NULL,
        CASE WHEN latest_day(r.started) < first_day(birth) THEN '简历第' || r.ordinal || '段（' || day_in_words(r.started) || '起）早于出生' END
    FROM person_resume AS r JOIN people AS p USING (person_id)
    UNION ALL
    SELECT t._file, t._line, 'tenures', 'started_on', p.person_id, name, birth, NULL,
        CASE WHEN age_on(birth, t.started_on) < coalesce(param_count('join_age_min', t.started_on), param_count('join_age_min', as_of))
                THEN day_in_words(t.started_on) || '任职时只有' || age_on(birth, t.started_on) || '周岁'
            WHEN t.started_on > deceased_on THEN '已于' || day_in_words(deceased_on) || '去世，' || day_in_words(t.started_on) || '不可能任职' END
    FROM tenures AS t JOIN people AS p USING (person_id), today
)
SELECT * REPLACE (day_in_words(birth) AS birth) FROM event WHERE problem IS NOT NULL
