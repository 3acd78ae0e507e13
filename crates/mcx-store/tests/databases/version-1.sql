-- A database as version 1 wrote it: never to be changed.
CREATE TABLE home (
    service TEXT NOT NULL,
    primary_id TEXT NOT NULL,
    counter INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    authorized_until INTEGER,
    etag TEXT,
    registration TEXT,
    heard_call_id TEXT,
    heard_cseq INTEGER,
    PRIMARY KEY (service, primary_id)
) WITHOUT ROWID;

CREATE TABLE stay (
    service TEXT NOT NULL,
    primary_id TEXT NOT NULL,
    system TEXT NOT NULL,
    partner_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    oldest INTEGER NOT NULL,
    procedure TEXT NOT NULL,
    since INTEGER NOT NULL,
    open INTEGER NOT NULL,
    PRIMARY KEY (service, primary_id, system),
    FOREIGN KEY (service, primary_id) REFERENCES home ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE visitor (
    service TEXT NOT NULL,
    primary_id TEXT NOT NULL,
    partner_id TEXT NOT NULL,
    number INTEGER,
    procedure TEXT,
    since INTEGER NOT NULL,
    left_at INTEGER,
    purge_at INTEGER,
    authorized_until INTEGER,
    etag TEXT,
    registration TEXT,
    PRIMARY KEY (service, primary_id)
) WITHOUT ROWID;
CREATE INDEX visitor_purge ON visitor (purge_at) WHERE purge_at IS NOT NULL;
CREATE INDEX visitor_partner_id ON visitor (service, partner_id);

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    service TEXT NOT NULL,
    primary_id TEXT NOT NULL,
    system TEXT NOT NULL,
    sameness TEXT NOT NULL,
    notice TEXT NOT NULL,
    procedure TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    parked_status INTEGER,
    parked_text TEXT,
    parked_since INTEGER,
    UNIQUE (service, primary_id, system, sameness)
);

INSERT INTO visitor (service, primary_id, partner_id, number, procedure, since, left_at, purge_at, authorized_until)
VALUES
    ('mcptt', 'sip:user-1@a.mcx.example', 'sip:guest@b.mcx.example', 7, NULL, 1750000000000, NULL, NULL, 1750003600000),
    ('mcptt', 'sip:user-2@a.mcx.example', 'sip:guest@b.mcx.example', 8, NULL, 1750000000000, 1750000005000, 1750000060000, NULL),
    ('mcptt', 'sip:user-3@a.mcx.example', 'sip:guest@b.mcx.example', 9, NULL, 1750000000000, 1750000005000, -1, NULL);
INSERT INTO home (service, primary_id, counter, ended) VALUES ('mcptt', 'sip:user-4@b.mcx.example', 3, 2);
INSERT INTO stay (service, primary_id, system, partner_id, number, oldest, procedure, since, open)
VALUES ('mcptt', 'sip:user-4@b.mcx.example', 'a.mcx.example', 'sip:guest@a.mcx.example', 3, 3,
    '01976e5a-2c00-7101-8101-010101010101', 1750000000000, 1);
INSERT INTO outbox (id, service, primary_id, system, sameness, notice, procedure, created, next_at)
VALUES (5, 'mcptt', 'sip:user-4@b.mcx.example', 'a.mcx.example', 'd2-01976e5a-2c00-7101-8101-010101010101',
    '{"kind":"deauthorization","partner_id":null,"number":2}', '01976e5a-2c00-7101-8101-010101010101',
    1750000000000, 1750000000000);
PRAGMA user_version = 1;
