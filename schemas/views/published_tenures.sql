/*
title: 已公布的任职
description: 到基准日为止已经公布、保密审查仍然有效的任职；本人离开最后一个已公布的职务满规定年限的，全部退出公开版。
fields:
  tenure_id: {title: 任职编号, sensitivity: public}
*/
-- Whoever died or was removed goes when everybody else does: to go earlier would tell why.
WITH told AS (
    SELECT tenure_id, person_id, as_of, ended_on IS NULL OR ended_on > as_of - to_years(coalesce(param_count('former_public_years', as_of), 5)) AS recent
    FROM tenures SEMI JOIN standing_disclosures USING (disclosure_id), build
    WHERE published_on <= as_of
)
SELECT tenure_id FROM told QUALIFY bool_or(recent) OVER (PARTITION BY person_id)
