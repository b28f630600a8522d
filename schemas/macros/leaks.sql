/*
title: 号码识别
description: 在文字中找身份证号、手机号和银行卡号，身份证号核对日期和校验码，银行卡号核对校验位。
*/
-- GB 11643: weights 7 9 10 5 8 4 2 1 6 3 7 9 10 5 8 4 2, remainder by 11 picks from 10X98765432.
CREATE MACRO is_id_number(number) AS (
  regexp_full_match(number, '[1-9][0-9]{16}[0-9Xx]')
  AND try_strptime(number[7:14], '%Y%m%d') IS NOT NULL
  AND try_strptime(number[7:14], '%Y%m%d') BETWEEN TIMESTAMP '1880-01-01' AND TIMESTAMP '2099-12-31'
  AND '10X98765432'[1 + list_sum(list_transform(range(1, 18),
        lambda i: coalesce(try_cast(number[i] AS INTEGER), 0) * [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2][i]))::BIGINT % 11]
      = upper(number[18]));
-- Luhn: from the right, every second digit counts double, and the digits of that double are summed.
CREATE MACRO is_bank_card(number) AS (
  regexp_full_match(number, '[3-6][0-9]{15,18}')
  AND list_sum(list_transform(range(1, length(number) + 1),
        lambda i: CASE WHEN i % 2 = 1 THEN coalesce(try_cast(reverse(number)[i] AS INTEGER), 0)
                       ELSE [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][1 + coalesce(try_cast(reverse(number)[i] AS INTEGER), 0)] END)) % 10 = 0);
CREATE MACRO is_mobile(number) AS regexp_full_match(number, '((00)?86)?1[3-9][0-9]{9}');
-- What is copied brings other digits and spaces along, and marks that nobody sees between them.
CREATE MACRO half_width(value) AS translate(regexp_replace(value, '[\x{200B}-\x{200F}\x{2060}\x{FEFF}\x{AD}]', '', 'g'),
  '０１２３４５６７８９Ｘ－　' || chr(160), '0123456789X-  ');
-- Runs of digits as typed, and the groupings people write: 138 0013 8000, 6222-0212-3456-7890, 990101 19750315 4515.
CREATE MACRO number_candidates(value) AS list_distinct(
  regexp_extract_all(half_width(value), '[0-9]{11,}[Xx]?')
  || list_transform(
       regexp_extract_all(half_width(value),
         '[0-9]{6}[ .-][0-9]{8}[ .-][0-9]{3}[0-9Xx]|[0-9]{4}(?:[ -][0-9]{4}){3}[ -][0-9]{3}'
         || '|1[3-9][0-9](?:[ -][0-9]{4}[ -][0-9]{4}|[ -][0-9]{3}[ -][0-9]{5}|[ -][0-9]{8})')
       -- A card of 16 digits may be followed by something else that begins with digits.
       || regexp_extract_all(half_width(value), '[0-9]{4}(?:[ -][0-9]{4}){3}')
       -- Wherever the gaps are, eighteen digits with the right sum and a real day are no chance.
       || regexp_extract_all(half_width(value), '[1-9](?: ?[0-9]){16} ?[0-9Xx]'),
       lambda grouped: regexp_replace(grouped, '[ .-]', '', 'g')));
-- Cheap first sight: nearly every cell ends here.
CREATE MACRO may_hold_number(value) AS strlen(value) >= 11 AND regexp_matches(value,
  '[0-9０-９](?:[ 　.－\x{A0}\x{AD}\x{200B}-\x{200F}\x{2060}\x{FEFF}-]?[0-9０-９]){10}');
