-- 0001: the ledger. A released file never changes; docs/ledger.md explains every table.
-- Ids, times (microseconds since 1970, UTC), days (20261123) and money (nano-units) are integers.

CREATE TABLE meta(
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE policy(
    no     INTEGER PRIMARY KEY,
    at_us  INTEGER NOT NULL,
    author TEXT NOT NULL,
    sha256 BLOB NOT NULL CHECK(length(sha256) = 32),
    text   TEXT NOT NULL
) STRICT;

CREATE TABLE name(
    ix   INTEGER PRIMARY KEY CHECK(ix > 0),
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    UNIQUE(kind, text)
) STRICT;

-- What a source is, for reports; the one table about names that may change.
CREATE TABLE source(
    ix        INTEGER PRIMARY KEY,
    kind      INTEGER NOT NULL CHECK(kind BETWEEN 0 AND 2),
    provider  INTEGER NOT NULL,
    label     TEXT NOT NULL,
    synthetic INTEGER NOT NULL CHECK(synthetic IN (0, 1))
) STRICT;

CREATE TABLE client_key(
    ix         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    sha256     BLOB NOT NULL CHECK(length(sha256) = 32),
    prefix     TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    revoked_us INTEGER
) STRICT;
CREATE UNIQUE INDEX client_key_living ON client_key(name) WHERE revoked_us IS NULL;

CREATE TABLE price(
    id       INTEGER PRIMARY KEY,
    offer    INTEGER NOT NULL,
    meter    TEXT NOT NULL,
    currency TEXT NOT NULL CHECK(length(currency) = 3),
    num      INTEGER NOT NULL CHECK(num >= 0),
    den      INTEGER NOT NULL CHECK(den > 0),
    seen_us  INTEGER NOT NULL,
    from_us  INTEGER NOT NULL
) STRICT;
CREATE INDEX price_by_offer ON price(offer, meter, id);

CREATE TABLE fx_rate(
    id    INTEGER PRIMARY KEY,
    base  TEXT NOT NULL CHECK(length(base) = 3),
    quote TEXT NOT NULL CHECK(length(quote) = 3),
    num   INTEGER NOT NULL CHECK(num > 0),
    den   INTEGER NOT NULL CHECK(den > 0),
    as_of INTEGER NOT NULL
) STRICT;
CREATE INDEX fx_rate_by_pair ON fx_rate(base, quote, id);

-- Double entry. Postings go in first; the row of tx closes them and is checked by its triggers.
CREATE TABLE tx(
    id        INTEGER PRIMARY KEY,
    gateway   INTEGER NOT NULL,
    seq       INTEGER NOT NULL CHECK(seq > 0),
    at_us     INTEGER NOT NULL,
    day       INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    ref       INTEGER NOT NULL,
    idem      TEXT NOT NULL UNIQUE,
    corrects  INTEGER REFERENCES tx(id),
    prev_hash BLOB NOT NULL CHECK(length(prev_hash) = 32),
    hash      BLOB NOT NULL CHECK(length(hash) = 32),
    UNIQUE(gateway, seq)
) STRICT;

CREATE TABLE posting(
    tx       INTEGER NOT NULL REFERENCES tx(id) DEFERRABLE INITIALLY DEFERRED,
    line     INTEGER NOT NULL CHECK(line >= 0),
    account  TEXT NOT NULL CHECK(account <> ''),
    currency TEXT NOT NULL CHECK(length(currency) = 3),
    amount   INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    unit     TEXT NOT NULL,
    price    INTEGER REFERENCES price(id),
    PRIMARY KEY(tx, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE hold(
    id       INTEGER PRIMARY KEY,
    request  INTEGER,
    machine  INTEGER,
    source   INTEGER NOT NULL,
    currency TEXT NOT NULL CHECK(length(currency) = 3),
    amount   INTEGER NOT NULL CHECK(amount > 0),
    price    INTEGER REFERENCES price(id),
    fx       INTEGER REFERENCES fx_rate(id),
    at_us    INTEGER NOT NULL,
    state    TEXT NOT NULL CHECK(state IN ('open', 'settled', 'released', 'lapsed')),
    tx       INTEGER,
    CHECK((request IS NULL) <> (machine IS NULL))
) STRICT;
CREATE INDEX hold_open ON hold(id) WHERE state = 'open';

CREATE TABLE hold_budget(
    hold      INTEGER NOT NULL,
    budget    INTEGER NOT NULL,
    window_us INTEGER NOT NULL,
    amount    INTEGER NOT NULL,
    PRIMARY KEY(hold, budget)
) STRICT, WITHOUT ROWID;

CREATE TABLE budget_window(
    budget    INTEGER NOT NULL,
    window_us INTEGER NOT NULL,
    settled   INTEGER NOT NULL,
    held      INTEGER NOT NULL CHECK(held >= 0),
    PRIMARY KEY(budget, window_us)
) STRICT, WITHOUT ROWID;

CREATE TABLE machine(
    id         INTEGER PRIMARY KEY,
    gateway    INTEGER NOT NULL,
    provider   INTEGER NOT NULL,
    name       TEXT NOT NULL UNIQUE CHECK(name <> ''),
    remote_id  TEXT,
    offer      INTEGER NOT NULL,
    model      INTEGER NOT NULL,
    source     INTEGER NOT NULL,
    gpu        TEXT NOT NULL,
    price      INTEGER NOT NULL REFERENCES price(id),
    currency   TEXT NOT NULL CHECK(length(currency) = 3),
    paid       INTEGER NOT NULL DEFAULT 0,
    state      TEXT NOT NULL,
    step       INTEGER NOT NULL CHECK(step >= 0),
    expires_us INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    gone_us    INTEGER,
    gone_how   TEXT,
    reason     INTEGER NOT NULL,
    reason_a   INTEGER NOT NULL,
    reason_b   INTEGER NOT NULL,
    reason_c   INTEGER NOT NULL,
    synthetic  INTEGER NOT NULL CHECK(synthetic IN (0, 1)),
    detail     TEXT NOT NULL,
    UNIQUE(provider, remote_id),
    CHECK((state = 'gone') = (gone_us IS NOT NULL)),
    CHECK((gone_us IS NULL) = (gone_how IS NULL))
) STRICT;
CREATE INDEX machine_living ON machine(id) WHERE gone_us IS NULL;
CREATE INDEX machine_gone ON machine(gone_us) WHERE gone_us IS NOT NULL;

CREATE TABLE machine_event(
    machine    INTEGER NOT NULL,
    step       INTEGER NOT NULL,
    at_us      INTEGER NOT NULL,
    boot_id    TEXT NOT NULL,
    boot_ns    INTEGER NOT NULL,
    event      TEXT NOT NULL,
    from_state TEXT NOT NULL,
    to_state   TEXT NOT NULL,
    PRIMARY KEY(machine, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE machine_phase(
    machine INTEGER NOT NULL,
    no      INTEGER NOT NULL,
    phase   TEXT NOT NULL,
    from_us INTEGER NOT NULL,
    to_us   INTEGER,
    billed  INTEGER NOT NULL,
    tx      INTEGER,
    PRIMARY KEY(machine, no)
) STRICT, WITHOUT ROWID;

CREATE TABLE request(
    id              INTEGER PRIMARY KEY,
    policy          INTEGER NOT NULL,
    key             INTEGER NOT NULL,
    route           INTEGER NOT NULL,
    model           INTEGER NOT NULL,
    source          INTEGER NOT NULL,
    machine         INTEGER NOT NULL,
    tag             INTEGER NOT NULL,
    wait_ms         INTEGER NOT NULL,
    ttft_ms         INTEGER NOT NULL,
    total_ms        INTEGER NOT NULL,
    tok_in          INTEGER NOT NULL,
    tok_cached      INTEGER NOT NULL,
    tok_cache_write INTEGER NOT NULL,
    tok_out         INTEGER NOT NULL,
    currency        TEXT NOT NULL CHECK(length(currency) = 3),
    paid            INTEGER NOT NULL CHECK(paid >= 0),
    charged         INTEGER NOT NULL CHECK(charged >= 0),
    outcome         INTEGER NOT NULL,
    flags           INTEGER NOT NULL,
    reason          INTEGER NOT NULL,
    reason_a        INTEGER NOT NULL,
    reason_b        INTEGER NOT NULL,
    reason_c        INTEGER NOT NULL,
    tx              INTEGER
) STRICT;

CREATE TABLE decision(
    id      INTEGER PRIMARY KEY,
    at_us   INTEGER NOT NULL,
    policy  INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    model   INTEGER NOT NULL,
    machine INTEGER NOT NULL,
    reason  INTEGER NOT NULL,
    args    TEXT NOT NULL
) STRICT;

CREATE TABLE rent_state(
    model   INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    bytes   BLOB NOT NULL
) STRICT;

-- phase: '' = requests; a machine's phase, 'power' or 'adjust' = money of time.
CREATE TABLE rollup_day(
    day             INTEGER NOT NULL,
    source          INTEGER NOT NULL,
    model           INTEGER NOT NULL,
    key             INTEGER NOT NULL,
    route           INTEGER NOT NULL,
    phase           TEXT NOT NULL,
    currency        TEXT NOT NULL,
    requests        INTEGER NOT NULL,
    answered        INTEGER NOT NULL,
    tok_in          INTEGER NOT NULL,
    tok_cached      INTEGER NOT NULL,
    tok_cache_write INTEGER NOT NULL,
    tok_out         INTEGER NOT NULL,
    paid            INTEGER NOT NULL,
    charged         INTEGER NOT NULL,
    wait_ms         INTEGER NOT NULL,
    time_ns         INTEGER NOT NULL,
    PRIMARY KEY(day, source, model, key, route, phase, currency)
) STRICT, WITHOUT ROWID;

-- hour: hours since 1970, UTC.
CREATE TABLE rollup_hour(
    hour            INTEGER NOT NULL,
    source          INTEGER NOT NULL,
    model           INTEGER NOT NULL,
    key             INTEGER NOT NULL,
    route           INTEGER NOT NULL,
    phase           TEXT NOT NULL,
    currency        TEXT NOT NULL,
    requests        INTEGER NOT NULL,
    answered        INTEGER NOT NULL,
    tok_in          INTEGER NOT NULL,
    tok_cached      INTEGER NOT NULL,
    tok_cache_write INTEGER NOT NULL,
    tok_out         INTEGER NOT NULL,
    paid            INTEGER NOT NULL,
    charged         INTEGER NOT NULL,
    wait_ms         INTEGER NOT NULL,
    time_ns         INTEGER NOT NULL,
    PRIMARY KEY(hour, source, model, key, route, phase, currency)
) STRICT, WITHOUT ROWID;

-- A transaction balances in every currency, continues the chain, and happens once.
CREATE TRIGGER tx_balances BEFORE INSERT ON tx
WHEN NOT EXISTS (SELECT 1 FROM posting WHERE tx = NEW.id)
  OR EXISTS (SELECT 1 FROM posting WHERE tx = NEW.id GROUP BY currency HAVING sum(amount) <> 0)
BEGIN
    SELECT RAISE(ABORT, 'a transaction must have postings and sum to zero in every currency');
END;

CREATE TRIGGER tx_continues BEFORE INSERT ON tx
WHEN NEW.prev_hash IS NOT coalesce(
        (SELECT hash FROM tx WHERE gateway = NEW.gateway AND seq = NEW.seq - 1),
        CASE NEW.seq WHEN 1 THEN zeroblob(32) END)
BEGIN
    SELECT RAISE(ABORT, 'a transaction must continue the hash chain');
END;

CREATE TRIGGER tx_once BEFORE INSERT ON tx
WHEN EXISTS (SELECT 1 FROM tx WHERE id = NEW.id)
  OR EXISTS (SELECT 1 FROM tx WHERE idem = NEW.idem)
  OR EXISTS (SELECT 1 FROM tx WHERE gateway = NEW.gateway AND seq = NEW.seq)
BEGIN
    SELECT RAISE(ABORT, 'this transaction is in the ledger already');
END;

CREATE TRIGGER posting_closed BEFORE INSERT ON posting
WHEN EXISTS (SELECT 1 FROM tx WHERE id = NEW.tx)
  OR EXISTS (SELECT 1 FROM posting WHERE tx = NEW.tx AND line = NEW.line)
BEGIN
    SELECT RAISE(ABORT, 'postings of a closed transaction never change');
END;

-- Append-only: a correction is a new row.
CREATE TRIGGER tx_no_update BEFORE UPDATE ON tx
BEGIN SELECT RAISE(ABORT, 'tx is append-only'); END;
CREATE TRIGGER tx_no_delete BEFORE DELETE ON tx
BEGIN SELECT RAISE(ABORT, 'tx is append-only'); END;
CREATE TRIGGER posting_no_update BEFORE UPDATE ON posting
BEGIN SELECT RAISE(ABORT, 'posting is append-only'); END;
CREATE TRIGGER posting_no_delete BEFORE DELETE ON posting
BEGIN SELECT RAISE(ABORT, 'posting is append-only'); END;
CREATE TRIGGER price_no_update BEFORE UPDATE ON price
BEGIN SELECT RAISE(ABORT, 'price is append-only'); END;
CREATE TRIGGER price_no_delete BEFORE DELETE ON price
BEGIN SELECT RAISE(ABORT, 'price is append-only'); END;
CREATE TRIGGER price_no_replace BEFORE INSERT ON price
WHEN EXISTS (SELECT 1 FROM price WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'price is append-only'); END;
CREATE TRIGGER fx_rate_no_update BEFORE UPDATE ON fx_rate
BEGIN SELECT RAISE(ABORT, 'fx_rate is append-only'); END;
CREATE TRIGGER fx_rate_no_delete BEFORE DELETE ON fx_rate
BEGIN SELECT RAISE(ABORT, 'fx_rate is append-only'); END;
CREATE TRIGGER fx_rate_no_replace BEFORE INSERT ON fx_rate
WHEN EXISTS (SELECT 1 FROM fx_rate WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'fx_rate is append-only'); END;
CREATE TRIGGER decision_no_update BEFORE UPDATE ON decision
BEGIN SELECT RAISE(ABORT, 'decision is append-only'); END;
CREATE TRIGGER decision_no_delete BEFORE DELETE ON decision
BEGIN SELECT RAISE(ABORT, 'decision is append-only'); END;
CREATE TRIGGER policy_no_update BEFORE UPDATE ON policy
BEGIN SELECT RAISE(ABORT, 'policy is append-only'); END;
CREATE TRIGGER policy_no_delete BEFORE DELETE ON policy
BEGIN SELECT RAISE(ABORT, 'policy is append-only'); END;
CREATE TRIGGER name_no_update BEFORE UPDATE ON name
BEGIN SELECT RAISE(ABORT, 'a name keeps its number for ever'); END;
CREATE TRIGGER name_no_delete BEFORE DELETE ON name
BEGIN SELECT RAISE(ABORT, 'a name keeps its number for ever'); END;
