/*
title: 书记任职年度
description: 每名书记每年在哪个村（社区）任职、任职多少天；任职满半年的年度才提出培训、述职、体检等要求。
fields:
  person_id: {title: 人员编号, sensitivity: internal}
  year: {title: 年度, sensitivity: internal}
  village_id: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）, sensitivity: internal}
  tenure_id: {title: 任职编号, sensitivity: internal}
  days: {title: 任职天数, sensitivity: internal}
  first_day: {title: 当年任职起, sensitivity: internal}
  last_day: {title: 当年任职止, sensitivity: internal}
  half_year: {title: 任职满半年, sensitivity: internal}
  finished: {title: 年度已结束, sensitivity: internal}
  in_office: {title: 基准日或者年末在任, sensitivity: internal}
*/
-- A year served in two villages, or in two terms of one, is one year of one person; it is told under the last of them.
WITH served AS (
    SELECT s.person_id, y.year, s.village_id, s.township_id, s.tenure_id,
        greatest(s.started_on, make_date(y.year, 1, 1)) AS first_day,
        -- The day of leaving belongs to the successor.
        least(coalesce(s.ended_on, as_of + 1), as_of + 1, make_date(y.year + 1, 1, 1)) AS next_day
    FROM secretary_tenures AS s, build,
        unnest(range(year(s.started_on), year(least(coalesce(s.ended_on, as_of), as_of)) + 1)) AS y(year)
    WHERE s.started_on <= as_of
)
SELECT person_id, year::INTEGER AS year,
    arg_max(village_id, (first_day, tenure_id)) AS village_id,
    arg_max(township_id, (first_day, tenure_id)) AS township_id,
    arg_max(tenure_id, (first_day, tenure_id)) AS tenure_id,
    -- Two villages led at a time are no two years.
    least(sum(next_day - first_day), max(next_day) - min(first_day))::INTEGER AS days,
    min(first_day) AS first_day,
    max(next_day) - 1 AS last_day,
    -- 任职不满半年的年度不作要求.
    least(sum(next_day - first_day), max(next_day) - min(first_day)) >= 180 AS half_year,
    year < year(any_value(as_of)) AS finished,
    max(next_day) = least(make_date(year + 1, 1, 1), any_value(as_of) + 1) AS in_office
FROM served, build
WHERE next_day > first_day
GROUP BY person_id, year
