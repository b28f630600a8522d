/*
title: 当时的名称
description: 村（社区）或者机构在某一天的名称，没有更过名的就是现在的名称。
*/
-- The name that ran out first on the day or after it. Renamed inside, as in parameters.sql.
CREATE MACRO name_on(current_name, subject_id, on_date) AS coalesce((
    SELECT arg_min(_name, _until) FROM (SELECT coalesce(village_id, org_id) AS _id, name AS _name, until AS _until FROM earlier_names)
    WHERE _id = subject_id AND _until >= on_date
), current_name);

CREATE MACRO short_name_on(current_name, subject_id, on_date) AS coalesce((
    SELECT arg_min(_name, _until) FROM (SELECT org_id AS _id, coalesce(short_name, name) AS _name, until AS _until FROM earlier_names)
    WHERE _id = subject_id AND _until >= on_date
), current_name);
