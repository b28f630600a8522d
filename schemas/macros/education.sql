/*
title: 学历
description: 取全日制和在职教育中较高的学历；高中、中专、中技、职高为同等层次。
*/
-- greatest passes over the one that is empty. Both are of the ordered type `education`.
CREATE MACRO highest_education(full_time, in_service) AS greatest(full_time, in_service);

-- 中专, 中技 and 职高 stand above 高中 in the list only because a list has an order; as a level they are one.
CREATE MACRO education_level(education_value) AS
    CASE WHEN education_value BETWEEN '高中'::education AND '职高'::education THEN '高中' ELSE education_value::VARCHAR END;
