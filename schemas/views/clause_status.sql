/*
title: 条款与规则
description: 政策的每一条由哪些规则检查、定了哪些参数。没有规则的条款也列出。
rows:
  public: policy_id IN (SELECT policy_id FROM policies WHERE open_to_public)
fields:
  policy_id: {title: 政策编号, sensitivity: public}
  section: {title: 条款编号, sensitivity: public}
  clause: {title: 条款, description: 政策编号#条款编号，与规则所引一致。, sensitivity: public}
  level: {title: 标题级别, sensitivity: public}
  title: {title: 条款标题, sensitivity: public}
  ordinal: {title: 次序, sensitivity: public}
  is_article: {title: 是否条文, description: 章、节标题为“否”。, sensitivity: public}
  in_force: {title: 是否有效, sensitivity: public}
  rules: {title: 检查它的规则, sensitivity: public}
  rule_count: {title: 规则数, sensitivity: public}
  parameters: {title: 它定的参数, sensitivity: public}
  parameter_count: {title: 参数数, sensitivity: public}
*/
WITH cited AS (
    SELECT clause, list(rule ORDER BY rule) AS rule_list FROM (SELECT rule, unnest(clauses) AS clause FROM rules) GROUP BY clause
), parameter AS (
    SELECT policy_id, section, list(DISTINCT name ORDER BY name) AS names FROM parameters GROUP BY ALL
)
SELECT c.policy_id, c.section, c.policy_id || '#' || c.section AS clause, c.level, c.title, c.ordinal,
    coalesce(c.body, '') <> '' AS is_article,
    p.effective_from <= as_of AND (p.effective_to IS NULL OR p.effective_to >= as_of) AS in_force,
    coalesce(r.rule_list, []) AS rules, len(coalesce(r.rule_list, [])) AS rule_count,
    coalesce(m.names, []) AS parameters, len(coalesce(m.names, [])) AS parameter_count
FROM policy_clauses AS c
JOIN policies AS p USING (policy_id)
CROSS JOIN build
LEFT JOIN cited AS r ON r.clause = c.policy_id || '#' || c.section
LEFT JOIN parameter AS m ON m.policy_id = c.policy_id AND m.section = c.section
