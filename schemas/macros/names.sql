/*
title: 人名比对
description: 比对两处签名是否同一个姓名，不计空格。
*/
-- Two-character names are often spread with a blank on forms: 王 芳 and 王芳 are one signer.
CREATE MACRO without_spaces(words) AS regexp_replace(words, '[\s\p{Z}]', '', 'g');
