CREATE MACRO limit_of(wanted) AS (SELECT value FROM limits WHERE name = wanted);
