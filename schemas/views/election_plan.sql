/*
title: 选任必经环节
description: 每种选任依次经过的环节，“两推一选”的两轮推荐另有会议。
fields:
  kind: {title: 选任种类, sensitivity: internal}
  stage: {title: 环节, sensitivity: internal}
  place: {title: 次序, sensitivity: internal}
  meeting: {title: 该环节的会议, sensitivity: internal}
*/
-- Stages that a decided election must show. The two recommendation rounds are asked for through their meetings (R21),
-- every other stage through its own row (R20).
SELECT kind, stage, enum_code(stage::election_stages_stage)::INTEGER AS place, meeting
FROM (VALUES
    (['党组织换届', '党组织补选'], '动员部署', NULL),
    (['党组织换届', '党组织补选'], '党员推荐', '党员推荐会'),
    (['党组织换届', '党组织补选'], '群众推荐', '群众推荐会'),
    (['党组织换届', '党组织补选'], '初步人选', NULL),
    (['党组织换届', '党组织补选', '组织任命', '村（居）委会换届', '村（居）委会补选'], '资格联审', NULL),
    (['党组织换届', '党组织补选', '组织任命'], '组织考察', NULL),
    (['党组织换届', '党组织补选', '组织任命'], '候选人公示', NULL),
    (['党组织换届', '党组织补选'], '候选人批复', NULL),
    (['党组织换届', '党组织补选'], '大会选举', '党员大会选举'),
    (['党组织换届', '党组织补选', '组织任命'], '任职批复', NULL),
    (['村（居）委会换届', '村（居）委会补选'], '选民登记', NULL),
    (['村（居）委会换届', '村（居）委会补选'], '提名候选人', NULL),
    (['村（居）委会换届', '村（居）委会补选'], '大会选举', '村（居）民选举')
) AS required(kinds, stage, meeting), unnest(kinds) AS each_kind(kind)
