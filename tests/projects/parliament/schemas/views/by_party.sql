/*
title: 各党团在任人数
fields:
  party_id: {title: 党团, sensitivity: public}
  members: {title: 人数, sensitivity: public}
*/
SELECT p.party_id, count(s.member_id) AS members
FROM parties p LEFT JOIN members m USING (party_id) LEFT JOIN sitting_members s USING (member_id)
GROUP BY p.party_id ORDER BY p.party_id
