/*
title: 换届批量备案事项
description: 一届党组织换届中批量报送的备案事项，各归哪个乡镇（街道）、哪一届的哪一册。
fields:
  filing_id: {title: 备案事项编号, sensitivity: internal}
  volume: {title: 册号, description: 乡镇（街道）编号、届和备案种类, sensitivity: internal}
  township_id: {title: 乡镇（街道）编号, sensitivity: internal}
  term: {title: 届, sensitivity: internal}
*/
SELECT f.filing_id, v.township_id || '-' || e.term || '-' || f.kind AS volume, v.township_id, e.term
FROM filings AS f JOIN elections AS e USING (election_id) JOIN villages AS v ON v.village_id = f.village_id
WHERE e.kind = '党组织换届' AND f.kind IN ('换届预审', '任后备案')
