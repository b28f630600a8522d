/*
id: R09
title: 书记是正式党员、党龄达到要求
severity: error
clause: selection#5
table: tenures
column: person_id
message: "{village_name}书记{name}（{person_id}）{problem}。"
remedy: "请核对政治面貌、入党和转正时间；确实不符合条件的，应当依法依规调整。"
*/
-- No member at all, or one on probation, is an error; a member too young in the Party is a warning. Political status is that of today, so it is
-- asked only of those in office; the day of joining is asked of every tenure.
WITH secretary AS (
    SELECT s.*, p.name, p.political_status, p.party_joined, p.party_confirmed,
        in_office(s.started_on, s.ended_on, as_of) AS serving,
        first_day(coalesce(p.party_confirmed, p.party_joined)) AS member_from,
        param_count('membership_years', s.started_on) AS least_years
    FROM secretary_tenures AS s JOIN people AS p USING (person_id), build
    WHERE s.started_on <= as_of
), judged AS (
    SELECT *, CASE
        WHEN serving AND political_status <> '中共党员' THEN '的政治面貌是' || political_status || '，不是中共正式党员'
        WHEN serving AND party_joined IS NULL THEN '没有填写入党时间'
        WHEN first_day(party_joined) > started_on THEN '于' || day_in_words(party_joined) || '入党，晚于任职日期' || day_in_words(started_on)
        WHEN first_day(party_confirmed) > started_on THEN '于' || day_in_words(party_confirmed) || '转正，晚于任职日期' || day_in_words(started_on) || '，任职时还是预备党员'
        END AS wrong,
        CASE WHEN years_between(member_from, started_on) < least_years
            THEN '于' || day_in_words(started_on) || '任职时，从' || day_in_words(coalesce(party_confirmed, party_joined)) || '起算，党龄不满' || least_years || '年'
        END AS doubtful
    FROM secretary
)
SELECT _file, _line, CASE WHEN wrong IS NULL THEN 'warning' ELSE 'error' END AS _severity,
    tenure_id, person_id, village_id, village_name, name, coalesce(wrong, doubtful) AS problem
FROM judged WHERE wrong IS NOT NULL OR doubtful IS NOT NULL
