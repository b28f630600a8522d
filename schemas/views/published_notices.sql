/*
title: 已公开的公示
description: 到基准日为止已经开始、保密审查仍然有效的公示；公示结束以后，只有由此任职并且已经公布的。
fields:
  notice_id: {title: 公示编号, sensitivity: public}
*/
SELECT notice_id
FROM notices SEMI JOIN standing_disclosures USING (disclosure_id), build
WHERE started_on <= as_of AND (
    ended_on >= as_of
    OR EXISTS (
        SELECT 1 FROM tenures AS t SEMI JOIN published_tenures USING (tenure_id)
        WHERE t.person_id = notices.person_id AND (t.notice_id = notices.notice_id OR t.election_id = notices.election_id AND t.village_id = notices.village_id)
    )
)
