-- The engine's own tables. Each is made when there is something to say in it, or something that may read it.

-- The schemas as rows.
CREATE OR REPLACE TABLE tables (
    name VARCHAR, title VARCHAR, description VARCHAR, kind VARCHAR, path VARCHAR, parent VARCHAR, property VARCHAR,
    primary_key VARCHAR[], label VARCHAR, owner VARCHAR, schema_file VARCHAR, ordinal INTEGER
);
CREATE OR REPLACE TABLE fields (
    table_name VARCHAR, name VARCHAR, title VARCHAR, description VARCHAR, type VARCHAR, sensitivity VARCHAR,
    required BOOLEAN, example VARCHAR, words VARCHAR[], pattern VARCHAR, in_key BOOLEAN, refers_to VARCHAR,
    compartment VARCHAR, purpose VARCHAR, basis VARCHAR, retention VARCHAR, printed VARCHAR,
    ordinal INTEGER, _file VARCHAR, _line INTEGER
);
CREATE OR REPLACE TABLE views (
    name VARCHAR, title VARCHAR, description VARCHAR, field VARCHAR, field_title VARCHAR, field_description VARCHAR,
    sensitivity VARCHAR, file VARCHAR
);

-- The one row of facts about this build.
CREATE OR REPLACE TABLE build (
    as_of DATE, edition VARCHAR, commit VARCHAR, commit_time TIMESTAMP, draft BOOLEAN, refs VARCHAR
);

-- The rules, and what is wrong.
CREATE OR REPLACE TABLE rules (
    rule VARCHAR, title VARCHAR, severity VARCHAR, clause VARCHAR, clauses VARCHAR[], message VARCHAR, remedy VARCHAR,
    table_name VARCHAR, tables VARCHAR[], file VARCHAR
);
CREATE OR REPLACE TABLE findings (
    finding_id INTEGER, file VARCHAR, line INTEGER, column_title VARCHAR, rule VARCHAR, severity VARCHAR,
    message VARCHAR, table_name VARCHAR
);
CREATE OR REPLACE TABLE finding_subjects (finding_id INTEGER, field VARCHAR, value VARCHAR);

-- The history.
CREATE OR REPLACE TABLE commits (
    commit VARCHAR, author_time TIMESTAMP, commit_time TIMESTAMP, author VARCHAR, author_email VARCHAR,
    committer VARCHAR, subject VARCHAR, body VARCHAR, merge VARCHAR, merge_subject VARCHAR, merge_author VARCHAR,
    request VARCHAR, signer VARCHAR, signature VARCHAR, proposed BOOLEAN, ordinal INTEGER
);
CREATE OR REPLACE TABLE changes (
    commit VARCHAR, action VARCHAR, table_name VARCHAR, record_key VARCHAR, root_table VARCHAR, root_key VARCHAR,
    field VARCHAR, before VARCHAR, after VARCHAR, file VARCHAR, ordinal INTEGER
);

-- A change under review.
CREATE OR REPLACE TABLE proposed_commits (
    commit VARCHAR, author VARCHAR, author_email VARCHAR, committer VARCHAR, committer_email VARCHAR,
    commit_time TIMESTAMP, subject VARCHAR, body VARCHAR, is_merge BOOLEAN, merge VARCHAR, merge_author_email VARCHAR,
    merge_committer_email VARCHAR, landed BOOLEAN
);
CREATE OR REPLACE TABLE proposed_files (
    _file VARCHAR, _line INTEGER, commit VARCHAR, author VARCHAR, author_email VARCHAR
);
CREATE OR REPLACE TABLE proposed_changes (
    _file VARCHAR, _line INTEGER, commit VARCHAR, ordinal INTEGER, action VARCHAR, table_name VARCHAR,
    record_key VARCHAR, root_table VARCHAR, root_key VARCHAR, field VARCHAR, before VARCHAR, after VARCHAR
);

-- While the history is told: which import brought a file that nobody touched since.
CREATE OR REPLACE TABLE imported (file VARCHAR, commit VARCHAR);
