/*
title: 村和社区的称谓
description: 记录里统写的“村（居）委会”“村（居）民”，在村称村委会、村民，在社区称居委会、居民。
*/
-- Records hold one word for both, so that a list stays one list; what people read of one place has the place's own.
CREATE MACRO in_place(words, village_kind) AS
    CASE village_kind WHEN '村' THEN replace(words::VARCHAR, '村（居）', '村') WHEN '社区' THEN replace(words::VARCHAR, '村（居）', '居') ELSE words::VARCHAR END;
