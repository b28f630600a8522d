/*
id: R02
title: 身份证号校验位、出生日期、性别相符
severity: error
clause: records#3
table: people
column: id_number
message: "{name}（{person_id}）的身份证号有误：{problem}。"
remedy: "请对照身份证原件改正身份证号，或者改正出生日期、性别。"
*/
-- Area codes are not looked up: they change and are no proof. What is longer than any ID number is ciphertext, which
-- cannot be judged here. No message repeats a digit of it.
WITH digits AS (
    SELECT _file, _line, person_id, name, birth, sex, upper(id_number) AS number,
        regexp_full_match(upper(id_number), '[0-9]{17}[0-9X]') AS formed,
        TRY_CAST(TRY_STRPTIME(id_number[7:14], '%Y%m%d') AS DATE) AS born
    FROM people WHERE length(id_number) <= 30
), judged AS (
    SELECT *, CASE WHEN formed THEN '10X98765432'[1 + list_dot_product(
        [number[i]::DOUBLE FOR i IN range(1, 18)],
        [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]::DOUBLE[])::BIGINT % 11] END AS last_digit
    FROM digits
), problems AS (
    SELECT *, concat_ws('；',
        CASE WHEN NOT formed THEN '应为18位，前17位是数字，末位是数字或X' END,
        CASE WHEN formed AND number[18] <> last_digit THEN '校验位不符，至少有一位写错' END,
        CASE WHEN formed AND born IS NULL THEN '其中的出生日期不是真实日期' END,
        CASE WHEN formed AND born IS NOT NULL AND left(born::VARCHAR, length(birth)) <> birth THEN '与登记的出生日期不一致' END,
        CASE WHEN formed AND (number[17]::INTEGER % 2 = 1) <> (sex = '男') THEN '与登记的性别不一致' END
    ) AS problem
    FROM judged
)
SELECT _file, _line, person_id, name, problem
FROM problems WHERE problem <> ''
