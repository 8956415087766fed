-- What the nightly replays of the selectable rules found. Detail; but rule: auto is restored from it.
-- recommended: '' = none, note says why. follows: what `rule: auto` follows from then on.
CREATE TABLE rule_replay(
    scaling     TEXT NOT NULL,
    at_us       INTEGER NOT NULL,
    policy      INTEGER NOT NULL,
    since_us    INTEGER NOT NULL,
    until_us    INTEGER NOT NULL,
    requests    INTEGER NOT NULL,
    currency    TEXT NOT NULL,
    rule        TEXT NOT NULL,
    recommended TEXT NOT NULL,
    follows     TEXT NOT NULL,
    note        TEXT NOT NULL,
    PRIMARY KEY(scaling, at_us)
) STRICT, WITHOUT ROWID;

CREATE TABLE rule_replay_outcome(
    scaling        TEXT NOT NULL,
    at_us          INTEGER NOT NULL,
    place          INTEGER NOT NULL,
    rule           TEXT NOT NULL,
    own            INTEGER NOT NULL,
    rental         INTEGER NOT NULL,
    api            INTEGER NOT NULL,
    total          INTEGER NOT NULL,
    j              INTEGER NOT NULL,
    requests       INTEGER NOT NULL,
    within_limit   INTEGER NOT NULL,
    machine_starts INTEGER NOT NULL,
    PRIMARY KEY(scaling, at_us, place)
) STRICT, WITHOUT ROWID;
