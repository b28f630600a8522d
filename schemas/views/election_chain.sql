/*
title: 选任前后次
description: 每次选任连同它以前失败的各次。重选沿用以前已经完成的推荐、联审和考察。
fields:
  election_id: {title: 选任编号, sensitivity: internal}
  source_id: {title: 沿用的选任编号, sensitivity: internal}
*/
-- UNION, not UNION ALL: two elections that name each other as predecessor must end, not loop.
WITH RECURSIVE linked AS (
    SELECT election_id, election_id AS source_id, previous FROM elections
    UNION
    SELECT linked.election_id, earlier.election_id, earlier.previous
    FROM linked JOIN elections AS earlier ON earlier.election_id = linked.previous
)
SELECT DISTINCT election_id, source_id FROM linked
