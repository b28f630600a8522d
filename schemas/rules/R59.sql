/*
id: R59
title: 节日走访台账对象
severity: warning
clause: care#4
complete: care
table: care_ledgers
column: ledger_id
message: "{township_name}{ledger}台账{ledger_id}，{year}年{visit_window}（{period_start}至{period_end}）没有走访慰问记录。"
remedy: "已经走访的请按台账编号补录，没有走访的尽快补上。"
*/
-- The ledger number stands for the person: in the ledger of hardship nobody is named, here or anywhere.
SELECT d.ledger_id, d.ledger, d.person_id, d.township_id, coalesce(d.township_name, d.township_id) AS township_name, d.year, d.visit_window,
    d.period_start, d.period_end, d._file, d._line
FROM care_due AS d WHERE d.kind = '走访慰问' AND d.state = '没有落实'
