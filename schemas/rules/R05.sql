/*
id: R05
title: 代码分段与村、社区类别相符
severity: warning
clause: records#6
table: villages
column: kind
message: "{name}（{village_id}）登记为{kind}，代码{code}的后三位应在{low}至{high}之间。"
remedy: "请核对是村还是社区；村改社区的，应当换新代码。"
*/
-- Judged by the rule in force when the code came into use.
WITH ranged AS (
    SELECT _file, _line, village_id, township_id, name, kind, code, TRY_CAST(code[10:12] AS INTEGER) AS part,
        greatest(valid_from, param_date('register_from', as_of)) AS since
    FROM villages, build WHERE regexp_full_match(code, '[0-9]{12}')
), limited AS (
    SELECT *,
        CASE kind WHEN '社区' THEN param_count('community_code_min', since) ELSE param_count('village_code_min', since) END AS lowest,
        CASE kind WHEN '社区' THEN param_count('community_code_max', since) ELSE param_count('village_code_max', since) END AS highest
    FROM ranged
)
SELECT _file, _line, village_id, township_id, name, kind, code,
    lpad(lowest::VARCHAR, 3, '0') AS low, lpad(highest::VARCHAR, 3, '0') AS high
FROM limited WHERE part NOT BETWEEN lowest AND highest
