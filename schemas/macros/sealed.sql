/*
title: 加密内容
description: 判断一个值是否已经加密。加密内容以“sealed:”开头，后面是版本、密钥编号和密文。
*/
-- One place knows what a sealed value looks like: R61 asks for it, R62 must not read digits out of ciphertext.
CREATE MACRO is_sealed(value) AS regexp_full_match(value, 'sealed:v[0-9]+:[A-Za-z0-9._-]+:[A-Za-z0-9+/=_-]+');
-- A keyed digest is hexadecimal and may hold eleven digits in a row by chance.
CREATE MACRO is_digest(value) AS regexp_full_match(value, '[a-z0-9-]+:[0-9a-f]{6,}');
