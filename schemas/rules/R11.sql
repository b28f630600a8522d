/*
id: R11
title: 书记空缺不超过规定天数
severity: warning
clause: selection#4
complete: tenures
table: villages
column: village_id
message: "{village_name}（{village_id}）自{vacant_from}起没有书记{until}，已空缺{days}天，超过{limit_days}天。"
remedy: "请尽快补选或者任命；已经到任的，补填任职记录。"
*/
-- By the limit in force when the vacancy began.
SELECT _file, _line, village_id, village_name, township_id, tenure_id, vacant_from, days, limit_days,
    coalesce('（至' || day_in_words(vacant_to) || '）', '') AS until
FROM vacancies WHERE days > limit_days
