/*
title: 政策文件一览
description: 每个政策文件在基准日的状态，以及代替它和被它代替的文件。
rows:
  public: policy_id IN (SELECT policy_id FROM policies WHERE open_to_public)
fields:
  policy_id: {title: 政策编号, sensitivity: public}
  state: {title: 状态, sensitivity: public}
  issuer: {title: 发文机关, sensitivity: public}
  old_title: {title: 代替的文件, sensitivity: public, unless: old_title NOT IN (SELECT title FROM policies WHERE open_to_public)}
  new_id: {title: 代替本文件的文件编号, sensitivity: public, unless: new_id NOT IN (SELECT policy_id FROM policies WHERE open_to_public)}
  new_title: {title: 代替本文件的, sensitivity: public, unless: new_id NOT IN (SELECT policy_id FROM policies WHERE open_to_public)}
  sort_order: {title: 排列次序, sensitivity: public}
*/
SELECT p.policy_id,
    CASE WHEN p.draft THEN '样稿' WHEN p.effective_from > as_of THEN '尚未施行'
         WHEN p.effective_to < as_of OR new.effective_from <= as_of THEN '已被代替'
         ELSE '现行有效' END AS state,
    o.name AS issuer, old.title AS old_title, new.policy_id AS new_id, new.title AS new_title,
    -- In the order of the mechanisms (M0, M1, …), which is the order of the city's work; the records themselves come last.
    row_number() OVER (ORDER BY TRY_CAST(p.systems[1][2:] AS INTEGER) NULLS LAST, p.effective_from DESC, p.policy_id) AS sort_order
FROM policies AS p CROSS JOIN build
LEFT JOIN organisations AS o ON o.org_id = p.issued_by
LEFT JOIN policies AS old ON old.policy_id = p.supersedes
-- Should two files say that they replace the same one, the later counts.
LEFT JOIN (
    SELECT supersedes, arg_max(policy_id, (effective_from, policy_id)) AS policy_id, arg_max(title, (effective_from, policy_id)) AS title,
        min(effective_from) AS effective_from
    FROM policies WHERE supersedes IS NOT NULL GROUP BY supersedes
) AS new ON new.supersedes = p.policy_id
