/*
id: R34
title: 备案编号和文号规范、连续、不重号
severity: error
clause: [filing#24, filing#23]
complete: filings
table: filings
column: filing_number
message: "{village_name}{name}（{person_id}）的{kind}{filing_id}，{what}{number}{problem}。"
remedy: "编号按种类和年度、文号按年度，从1号起连续编排，不跳号、不重号；年份用六角括号“〔〕”，序号不加“第”、不编虚位。"
*/
-- Both numbers are judged alike: as a series (what stands before the bracket), a year and a running number. A filing
-- number belongs to the day of 备案; a document number to the decision, whichever it was. The series is judged as it stands
-- in the records, also when the city is looked at as of an earlier day: a number is no less in its place for that.
WITH short AS (
    SELECT unnest(['换届预审', '任前备案', '任后备案', '免职备案', '信息变更', '更正撤销']) AS kind,
        unnest(['预审', '任前', '任后', '免职', '变更', '更正']) AS word
), decision AS (
    -- The document is issued by the office that decided.
    SELECT t.filing_id, max(t.date) FILTER (WHERE t.state = '备案') AS filed_on, max(t.date) AS decided_on,
        arg_max(o.doc_prefix, t.ordinal) AS prefix
    FROM filing_steps AS t LEFT JOIN organisations AS o USING (org_id)
    WHERE t.state IN ('备案', '不予备案') GROUP BY t.filing_id
), number AS (
    SELECT f._file, f._line, f.filing_id, f.kind, f.person_id, f.village_id, f.tenure_id,
        'filing_number' AS _column, '备案编号' AS what, f.filing_number AS written, w.word || '备' AS prefix, d.filed_on AS given_on
    FROM filings AS f JOIN short AS w USING (kind) LEFT JOIN decision AS d ON d.filing_id = f.filing_id
    UNION ALL
    SELECT f._file, f._line, f.filing_id, f.kind, f.person_id, f.village_id, f.tenure_id,
        'document_number', '备案文号', f.document_number, d.prefix, d.decided_on
    FROM filings AS f LEFT JOIN decision AS d ON d.filing_id = f.filing_id
), parsed AS (
    SELECT *, regexp_extract(written, '^(.+)〔(\d{4})〕([1-9]\d*)号$', ['series', 'year', 'running']) AS part FROM number
), placed AS (
    SELECT * EXCLUDE (part), nullif(part.series, '') AS series, TRY_CAST(part.year AS INTEGER) AS in_year,
        TRY_CAST(part.running AS INTEGER)::BIGINT AS running,
        h.holders
    FROM parsed LEFT JOIN (
        -- A few of the holders of one number are named, however many there are.
        SELECT _column, written, list(filing_id ORDER BY filing_id)[:4] AS holders
        FROM number WHERE written IS NOT NULL GROUP BY ALL HAVING count(*) > 1
    ) AS h USING (_column, written)
), counted AS (
    -- Where a number is out of its place, the one before it in the series says how many are lacking between.
    SELECT *, coalesce(lag(running) OVER (PARTITION BY _column, series, in_year ORDER BY running, filing_id), 0) AS before
    FROM placed
), judged AS (
    SELECT *, CASE
        WHEN written IS NULL AND given_on IS NULL THEN NULL
        WHEN written IS NULL THEN '没有填写，' || day_in_words(given_on) || '已经办结'
        WHEN given_on IS NULL THEN CASE _column WHEN 'filing_number' THEN '填早了，还没有准予备案' ELSE '填早了，还没有作出决定' END
        WHEN series IS NULL OR running IS NULL THEN '写法不对'
        WHEN series <> coalesce(prefix, series) THEN '的字头应为“' || prefix || '”'
        WHEN in_year <> year(given_on) THEN '的年份应为办结的' || year(given_on) || '年'
        WHEN holders IS NOT NULL THEN '与' || array_to_string([h FOR h IN holders IF h <> filing_id][:3], '、') || '重号'
        WHEN running > before + 1 THEN '前面缺少' || CASE WHEN running = before + 2 THEN '' ELSE (before + 1) || '号至' END || (running - 1) || '号'
        END AS problem
    FROM counted
)
SELECT j._file, j._line, j._column, j.filing_id, j.person_id, j.village_id, v.township_id, j.tenure_id, v.name AS village_name, p.name,
    j.kind, j.what, coalesce('“' || j.written || '”', '') AS number, j.problem
FROM judged AS j LEFT JOIN villages AS v USING (village_id) LEFT JOIN people AS p USING (person_id)
WHERE j.problem IS NOT NULL
