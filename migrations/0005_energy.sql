-- Energy and wear of own hardware: one row for each time it is posted, its amounts beside those of
-- the transaction. Joules are rows of their own: without a tariff there is no transaction.
-- *_uj: microjoules; estimated_uj: the part of idle_uj and work_uj that no energy counter measured.
-- on_ns: time it was metered; worked_ns: the part of it with requests in flight. wear: lost worth of
-- on_ns, wear_worked the part of it in worked_ns. currency, wear_currency: '' = nothing to pay.
CREATE TABLE energy(
    hardware      TEXT NOT NULL CHECK(hardware <> ''),
    at_us         INTEGER NOT NULL,
    day           INTEGER NOT NULL,
    source        INTEGER NOT NULL,
    idle_uj       INTEGER NOT NULL CHECK(idle_uj >= 0),
    work_uj       INTEGER NOT NULL CHECK(work_uj >= 0),
    host_uj       INTEGER NOT NULL CHECK(host_uj >= 0),
    estimated_uj  INTEGER NOT NULL CHECK(estimated_uj BETWEEN 0 AND idle_uj + work_uj),
    on_ns         INTEGER NOT NULL,
    worked_ns     INTEGER NOT NULL CHECK(worked_ns BETWEEN 0 AND on_ns),
    currency      TEXT NOT NULL CHECK(length(currency) IN (0, 3)),
    idle          INTEGER NOT NULL,
    work          INTEGER NOT NULL,
    host          INTEGER NOT NULL,
    wear_currency TEXT NOT NULL CHECK(length(wear_currency) IN (0, 3)),
    wear          INTEGER NOT NULL,
    wear_worked   INTEGER NOT NULL CHECK(wear_worked BETWEEN 0 AND wear),
    tx            INTEGER,
    PRIMARY KEY(hardware, at_us)
) STRICT, WITHOUT ROWID;
CREATE INDEX energy_by_day ON energy(day);
CREATE TRIGGER energy_no_update BEFORE UPDATE ON energy
BEGIN SELECT RAISE(ABORT, 'energy is append-only'); END;
CREATE TRIGGER energy_no_delete BEFORE DELETE ON energy
BEGIN SELECT RAISE(ABORT, 'energy is append-only'); END;

-- What GPUs did, rolled up from a look a second; minutes and hours are deleted by age. gpu: its
-- UUID. minute, hour: since 1970, UTC. Sums are divided by samples; throttle: all reasons seen.
CREATE TABLE gpu_minute(
    gpu         TEXT NOT NULL,
    minute      INTEGER NOT NULL,
    samples     INTEGER NOT NULL CHECK(samples > 0),
    power_mw    INTEGER NOT NULL,
    energy_mj   INTEGER NOT NULL,
    utilisation INTEGER NOT NULL,
    temperature INTEGER NOT NULL,
    memory      INTEGER NOT NULL,
    throttle    INTEGER NOT NULL,
    xids        INTEGER NOT NULL,
    sick        INTEGER NOT NULL,
    PRIMARY KEY(gpu, minute)
) STRICT, WITHOUT ROWID;

CREATE TABLE gpu_hour(
    gpu         TEXT NOT NULL,
    hour        INTEGER NOT NULL,
    samples     INTEGER NOT NULL,
    power_mw    INTEGER NOT NULL,
    energy_mj   INTEGER NOT NULL,
    utilisation INTEGER NOT NULL,
    temperature INTEGER NOT NULL,
    memory      INTEGER NOT NULL,
    throttle    INTEGER NOT NULL,
    xids        INTEGER NOT NULL,
    sick        INTEGER NOT NULL,
    PRIMARY KEY(gpu, hour)
) STRICT, WITHOUT ROWID;
