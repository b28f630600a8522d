/*
title: 记录涉及的人和村
description: 每条记录是关于哪个人、哪个村（社区）的，供变更记录使用。
fields:
  table_name: {title: 登记表, sensitivity: internal}
  record_key: {title: 记录编号, sensitivity: internal}
  person_id: {title: 人员编号, sensitivity: internal}
  village_id: {title: 村（社区）编号, sensitivity: internal}
*/
-- Every table whose records name a person or a village, unless whom they name is restricted: a test compares the list
-- with the schemas.
SELECT 'people' AS table_name, person_id AS record_key, person_id, NULL AS village_id FROM people
UNION ALL SELECT 'villages', village_id, NULL, village_id FROM villages
UNION ALL SELECT 'first_secretaries', first_secretary_id, person_id, village_id FROM first_secretaries
UNION ALL SELECT 'supervision_members', member_id, person_id, village_id FROM supervision_members
UNION ALL SELECT 'tenures', tenure_id, person_id, village_id FROM tenures
UNION ALL SELECT 'notices', notice_id, person_id, village_id FROM notices
UNION ALL SELECT 'elections', election_id, NULL, village_id FROM elections
UNION ALL SELECT 'filings', filing_id, person_id, village_id FROM filings
UNION ALL SELECT 'reserve', reserve_id, person_id, village_id FROM reserve
UNION ALL SELECT 'attendance', concat_ws('/', class_id, person_id), person_id, NULL FROM attendance
UNION ALL SELECT 'targets', concat_ws('/', village_id, year, target_class, dimension, metric), NULL, village_id FROM targets
UNION ALL SELECT 'appraisals', appraisal_id, person_id, village_id FROM appraisals
UNION ALL SELECT 'audits', audit_id, person_id, village_id FROM audits
UNION ALL SELECT 'adjustments', adjustment_id, person_id, village_id FROM adjustments
UNION ALL SELECT 'payments', concat_ws('/', person_id, village_id, year, kind, month), person_id, village_id FROM payments
UNION ALL SELECT 'advancement', advancement_id, person_id, village_id FROM advancement
UNION ALL SELECT 'care', care_id, person_id, NULL FROM care
UNION ALL SELECT 'pensions', concat_ws('/', person_id, year), person_id, village_id FROM pensions
UNION ALL SELECT 'rechecks', recheck_id, person_id, village_id FROM rechecks
UNION ALL SELECT 'earlier_names', former_id, NULL, village_id FROM earlier_names
UNION ALL SELECT 'team_workers', worker_id, NULL, village_id FROM team_workers
