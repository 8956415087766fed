-- What providers said each machine cost, the newest word of each. machine: 0 = no row knows it.
-- final: nothing will be added.
CREATE TABLE bill(
    provider  INTEGER NOT NULL,
    remote_id TEXT NOT NULL CHECK(remote_id <> ''),
    machine   INTEGER NOT NULL,
    at_us     INTEGER NOT NULL,
    currency  TEXT NOT NULL CHECK(length(currency) = 3),
    amount    INTEGER NOT NULL,
    final     INTEGER NOT NULL CHECK(final IN (0, 1)),
    PRIMARY KEY(provider, remote_id)
) STRICT, WITHOUT ROWID;

-- Sums of the requests that were deleted by age, so that the roll-ups can still be checked to the
-- last unit. transactions: how many of them had one; it stays.
CREATE TABLE request_deleted(
    source          INTEGER NOT NULL,
    model           INTEGER NOT NULL,
    key             INTEGER NOT NULL,
    route           INTEGER NOT NULL,
    currency        TEXT NOT NULL CHECK(length(currency) = 3),
    requests        INTEGER NOT NULL,
    transactions    INTEGER NOT NULL,
    tok_in          INTEGER NOT NULL,
    tok_cached      INTEGER NOT NULL,
    tok_cache_write INTEGER NOT NULL,
    tok_out         INTEGER NOT NULL,
    paid            INTEGER NOT NULL,
    charged         INTEGER NOT NULL,
    PRIMARY KEY(source, model, key, route, currency)
) STRICT, WITHOUT ROWID;

-- what: 'request', 'hold' or 'machine_event'. below: all such detail with ids below is gone, but
-- for what is still open.
CREATE TABLE detail_deleted(
    what    TEXT PRIMARY KEY,
    deleted INTEGER NOT NULL,
    below   INTEGER NOT NULL,
    at_us   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A machine's few transactions, among the many of requests.
CREATE INDEX tx_of_machine ON tx(ref) WHERE kind IN ('phase', 'adjust');
