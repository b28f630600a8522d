/*
id: R06
title: 入党时满规定年龄，转正在入党之后
severity: error
clause: records#7
table: people
column: party_joined
message: "{name}（{person_id}）出生于{birth}，入党时间{party_joined}{problem}。"
remedy: "请核对出生日期和入党、转正时间。"
*/
-- Where only the month of joining is known, its last day is taken: what may have been in time is not called too early.
SELECT _file, _line, 'party_joined' AS _column, person_id, name, day_in_words(birth) AS birth, day_in_words(party_joined) AS party_joined,
    CASE WHEN latest_day(party_joined) < first_day(birth) THEN '早于出生'
        ELSE '时只有' || years_between(first_day(birth), latest_day(party_joined)) || '周岁，不满' || least_age || '周岁' END AS problem
FROM (SELECT *, coalesce(param_count('join_age_min', latest_day(party_joined)), param_count('join_age_min', as_of)) AS least_age
    FROM people, build)
WHERE years_between(first_day(birth), latest_day(party_joined)) < least_age
UNION ALL
SELECT _file, _line, 'party_confirmed', person_id, name, day_in_words(birth), day_in_words(party_joined), '，转正时间' || day_in_words(party_confirmed) || '早于入党时间'
FROM people WHERE latest_day(party_confirmed) < first_day(party_joined)
