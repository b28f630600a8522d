/*
title: 书记任职
description: 每一段书记任职，以及本人是否首次任书记、前后相接的各段任职合起来的起止、届满后是否连任、本村前一任何时离任。
fields:
  tenure_id: {title: 任职编号, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
  village_name: {title: 村（社区）, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  term: {title: 届次, sensitivity: internal}
  started_on: {title: 任职日期, sensitivity: internal}
  ended_on: {title: 离任日期, sensitivity: internal}
  end_reason: {title: 离任原因, sensitivity: internal}
  origin: {title: 产生方式, sensitivity: internal}
  election_id: {title: 选任编号, sensitivity: internal}
  first_started_on: {title: 首次任书记日期, sensitivity: internal}
  is_new: {title: 是否首次任书记, sensitivity: internal}
  service_from: {title: 连续任职起, description: 前后相接的各段任职合为一次连续任职，不论是否同一届、同一村。, sensitivity: internal}
  service_to: {title: 连续任职止, sensitivity: internal}
  goes_on: {title: 是否连任, description: 届满或者撤并后，本人在本村或者承接村继续任书记。, sensitivity: internal}
  previous_tenure_id: {title: 本村前一任, sensitivity: internal}
  previous_ended_on: {title: 前一任离任日期, sensitivity: internal}
  _file: {title: 文件, sensitivity: internal}
  _line: {title: 行号, sensitivity: internal}
*/
-- What nearly every rule about secretaries asks is worked out here once.
WITH secretary AS (
    SELECT t.*, v.name AS village_name, v.township_id, v.successor,
        lead(t.started_on) OVER (PARTITION BY t.person_id, t.village_id ORDER BY t.started_on, t.tenure_id) AS again_on,
        -- The day of leaving belongs to the successor, also when he succeeds himself; some write the day after.
        coalesce(t.started_on > 1 + max(coalesce(t.ended_on, DATE '9999-12-30')) OVER (
            PARTITION BY t.person_id ORDER BY t.started_on, t.tenure_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), true) AS begins
    FROM tenures AS t LEFT JOIN villages AS v USING (village_id)
    WHERE t.post = '党组织书记'
), service AS (
    SELECT *, count_if(begins) OVER (PARTITION BY person_id ORDER BY started_on, tenure_id) AS service FROM secretary
), going_on AS (
    -- The next term of the same person here, or in the village that took this one in, begun before the grace ran out.
    SELECT t.tenure_id
    FROM (
        SELECT tenure_id, ended_on, again_on FROM secretary
        UNION ALL
        SELECT t.tenure_id, t.ended_on, n.started_on
        FROM secretary AS t JOIN secretary AS n ON n.person_id = t.person_id AND n.village_id = t.successor
            AND n.started_on > t.started_on
    ) AS t
    WHERE t.again_on <= t.ended_on + coalesce(param_count('term_grace_days', t.ended_on), 0)
)
SELECT s.tenure_id, s.person_id, s.village_id, s.village_name, s.township_id, s.term, s.started_on, s.ended_on,
    s.end_reason, s.origin, s.election_id,
    min(s.started_on) OVER person AS first_started_on,
    row_number() OVER (PARTITION BY s.person_id ORDER BY s.started_on, s.tenure_id) = 1 AS is_new,
    min(s.started_on) OVER service AS service_from,
    CASE WHEN NOT bool_or(s.ended_on IS NULL) OVER service THEN max(s.ended_on) OVER service END AS service_to,
    s.tenure_id IN (SELECT tenure_id FROM going_on) AS goes_on,
    lag(s.tenure_id) OVER village AS previous_tenure_id,
    lag(s.ended_on) OVER village AS previous_ended_on,
    s._file, s._line
FROM service AS s
WINDOW person AS (PARTITION BY s.person_id), service AS (PARTITION BY s.person_id, s.service), village AS (PARTITION BY s.village_id ORDER BY s.started_on, s.tenure_id)
