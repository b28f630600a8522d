/*
title: 书记空缺
description: 每个村（社区）前后两任书记之间、以及至今没有书记的空缺。首任以前不计；从未有过书记的从设立之日或者记录起始日期起计。
fields:
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  vacant_from: {title: 空缺开始, sensitivity: internal}
  vacant_to: {title: 空缺结束, description: 空着表示至今空缺。, sensitivity: internal}
  days: {title: 空缺天数, sensitivity: internal}
  limit_days: {title: 最长天数, sensitivity: internal}
  due_on: {title: 补充期限, sensitivity: internal}
  tenure_id: {title: 离任的任职, sensitivity: internal}
  person_id: {title: 离任的书记, sensitivity: internal}
  _file: {title: 文件, sensitivity: internal}
  _line: {title: 行号, sensitivity: internal}
*/
WITH covered AS (
    -- Up to which day the village has had a secretary, whichever of overlapping tenures lasts longest.
    SELECT tenure_id, person_id, village_id, started_on,
        max(coalesce(ended_on, DATE '9999-12-31')) OVER (PARTITION BY village_id ORDER BY started_on, tenure_id) AS until,
        lead(started_on) OVER (PARTITION BY village_id ORDER BY started_on, tenure_id) AS next_on
    FROM secretary_tenures, build
    WHERE started_on <= as_of
), gap AS (
    SELECT v.village_id, v.name AS village_name, v.township_id, v._file, v._line, c.tenure_id, c.person_id,
        c.until AS vacant_from, c.next_on AS vacant_to, v.valid_to, as_of
    FROM villages AS v JOIN covered AS c USING (village_id), build
    WHERE c.until < coalesce(c.next_on, as_of + 1)
    UNION ALL
    SELECT v.village_id, v.name, v.township_id, v._file, v._line, NULL, NULL,
        greatest(v.valid_from, param_date('register_from', as_of)), NULL, v.valid_to, as_of
    FROM villages AS v, build
    WHERE v.village_id NOT IN (SELECT village_id FROM covered) AND v.valid_from <= as_of
      -- Where a township has entered none of its secretaries yet, nothing is known of its villages.
      AND (v.valid_from > param_date('register_from', as_of)
           OR v.township_id IN (SELECT o.township_id FROM villages AS o JOIN covered AS c USING (village_id)))
)
SELECT village_id, village_name, township_id, vacant_from, vacant_to,
    date_diff('day', vacant_from, coalesce(vacant_to, as_of)) AS days,
    limit_days, vacant_from + limit_days AS due_on,
    tenure_id, person_id, _file, _line
FROM (
    -- A village that is no more needs no secretary: its vacancy ends with it.
    SELECT * REPLACE (coalesce(vacant_to, CASE WHEN valid_to <= as_of THEN valid_to END) AS vacant_to),
        param_count('vacancy_days', vacant_from) AS limit_days
    FROM gap
)
WHERE vacant_from < coalesce(vacant_to, as_of + 1)
