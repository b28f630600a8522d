/*
title: 各村后备力量
description: 每个在用的村（社区）在库后备的人数、所处阶段、有没有安排工作，是否达到规定人数。
fields:
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  township_name: {title: 乡镇（街道）, sensitivity: internal}
  poor: {title: 省级贫困村, sensitivity: internal}
  in_store: {title: 在库后备, sensitivity: internal}
  capable: {title: 致富能手, sensitivity: internal}
  members: {title: 党员, sensitivity: internal}
  cadres: {title: 村干部, sensitivity: internal}
  without_duty: {title: 没有安排工作, sensitivity: internal}
  became_secretary: {title: 已任书记（累计）, sensitivity: internal}
  exited: {title: 已出库（累计）, sensitivity: internal}
  required: {title: 最低人数, sensitivity: internal}
  short: {title: 人数不足, sensitivity: internal}
*/
-- Who has become secretary is the pipeline's result and no longer in reserve.
SELECT v.village_id, v.name AS village_name, v.township_id, o.short_name AS township_name, v.poor,
    count(r.reserve_id) FILTER (active AND r.stage <> '村党组织书记') AS in_store,
    count(*) FILTER (active AND r.stage = '致富能手') AS capable,
    count(*) FILTER (active AND r.stage = '党员') AS members,
    count(*) FILTER (active AND r.stage = '村干部') AS cadres,
    count(*) FILTER (active AND r.stage <> '村党组织书记' AND r.duty IS NULL) AS without_duty,
    count(*) FILTER (r.stage = '村党组织书记') AS became_secretary,
    count(*) FILTER (r.exited_on IS NOT NULL AND r.stage <> '村党组织书记') AS exited,
    -- A poor village needs what it always needed; since the newer notice every village needs its number.
    greatest(CASE WHEN v.poor THEN param_count('reserve_min_poor', any_value(as_of)) END, param_count('reserve_min_ordinary', any_value(as_of))) AS required,
    coalesce(count(r.reserve_id) FILTER (active AND r.stage <> '村党组织书记') < greatest(
        CASE WHEN v.poor THEN param_count('reserve_min_poor', any_value(as_of)) END, param_count('reserve_min_ordinary', any_value(as_of))), false) AS short
FROM build JOIN villages AS v ON in_office(v.valid_from, v.valid_to, as_of)
LEFT JOIN organisations AS o ON o.org_id = v.township_id
LEFT JOIN reserve_at AS r ON r.village_id = v.village_id
GROUP BY v.village_id, v.name, v.township_id, o.short_name, v.poor
