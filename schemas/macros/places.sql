/*
title: 村和社区的称谓
description: 记录里统写的“村（居）委会”“村（居）民”，在村称村委会、村民，在社区称居委会、居民。
*/
-- Records hold one word for both, so that a list stays one list; what people read of one place has the place's own.
CREATE MACRO in_place(words, village_kind) AS
    CASE village_kind WHEN '村' THEN replace(words::VARCHAR, '村（居）', '村') WHEN '社区' THEN replace(words::VARCHAR, '村（居）', '居') ELSE words::VARCHAR END;

-- How the full name of a Party organisation ends.
CREATE MACRO party_body(party_org_type) AS
    CASE party_org_type::VARCHAR WHEN '党委' THEN '委员会' WHEN '党总支' THEN '总支部委员会' WHEN '党支部' THEN '支部委员会' END;

-- What a post of the list is called in a place: its committee is a 村 or a 居, its Party organisation a branch or what has grown of it.
CREATE MACRO called(words, committee, party_org_type) AS
    replace(replace(words::VARCHAR, '村（居）', coalesce(committee, '村（居）')), '党组织', coalesce(party_org_type, '党组织'));
