// More documents of the stand-in's busy daemon: see scene.mjs.
const hour_us = 3600e6;
const day_ms = 86_400_000;
const noise = (seed) => { const x = Math.sin(seed * 12.9898) * 43758.5453; return x - Math.floor(x);
    };
const iso = (ms) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
const day = (ms) => new Date(ms).toISOString().slice(0, 10);
const micro = (value) => { const text = String(Math.round(value)).padStart(7, "0");
    return `${text.slice(0, -6)}.${text.slice(-6)}`; };

/// The window of a limit a month or a day at this moment: the scene's days are those of UTC.
export function span(per) {
    const now = new Date();
    const [year, month, date] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
    const [from, until] = per === "month"
        ? [Date.UTC(year, month), Date.UTC(year, month + 1)]
        : [Date.UTC(year, month, date), Date.UTC(year, month, date + 1)];
    return {from_us: from * 1000, until_us: until * 1000};
}

export function machines() {
    const now = Math.floor(Date.now() / 1000) * 1e6;
    const list = Array.from({length: 9}, (_, at) => {
        const created = now - (at * 9.5 + 0.6) * hour_us - noise(at) * 4 * hour_us;
        const steps = [["boot", 0.1 + 0.08 * noise(at + 1)], ["warm", 0.03],
            ["serve", 0.3 + noise(at + 2)], ["idle", 0.08], ["serve", 0.4 * noise(at + 5)],
            ["idle", 0.05 + 0.2 * noise(at + 3)], ["drain", 0.03], ["delete", 0.02]];
        let from = created + 20e6;
        let paid = 0;
        const phases = [];
        for (const [phase, hours] of steps.filter(([, hours]) => hours > 0.01)) {
            const to = from + Math.round(hours * hour_us);
            if (from >= now) {
                break;
            }
            const billed = Math.round(((Math.min(to, now) - from) / hour_us) * 4_110_000);
            paid += to > now ? 0 : billed;
            phases.push({phase, from_us: from, to_us: to > now ? null : to, billed: to > now
                ? "0.00" : micro(billed)});
            from = to;
        }
        const gone = from < now ? from + 75e6 : null;
        const serving = phases.filter((one) => one.phase === "serve")
            .reduce((sum, one) => sum + Number(one.billed), 0);
        return {id: `06ZG${at}`, name: `runpod-${(at % 2) + 1}`, machine: `ek-1a2b3c4d-06ZG${at}`,
            provider: at % 3 ? "runpod" : "do", remote_id: `pod${at}`, gpu: "H100 PCIe",
            model: "qwq-32b",
                state: gone ? "gone" : "serving", created_us: created, expires_us: created
                    + 6 * hour_us, gone_us: gone, gone_how: gone ? "destroyed" : null,
                    paid: micro(paid), rate: "4.11", currency: "AUD",
                useful_permille: paid ? Math.round((serving * 1e6 / paid) * 1000) : null,
                    synthetic: false, states: [], phases};
    });
    return {schema: "evenkeel.machines/1", currency: "AUD", since_us: now - 30 * 24 * hour_us,
        now_us: now, machines: list, left_out: 0};
}

export function routing() {
    const newest = Math.floor(Date.now() / 3600e3) * hour_us;
    const cell = (route, source, kind, requests, cost) =>
        ({route, source, kind, synthetic: false, requests, cost});
    return {schema: "evenkeel.routing/1", currency: "AUD", first_day: "2026-11-19",
        last_day: "2026-11-26",
            cells: [cell("default", "desk", "own", 9120, "0.00"),
                cell("default", "H100 PCIe", "rental", 1411, "0.00"),
                cell("default", "claude", "api", 240, "9.48"),
                cell("night-batch", "desk", "own", 2210, "0.00"),
                    cell("hard", "claude", "api", 402, "15.88"), cell("hard", "", "", 12, "0.00"),
                        cell("", "", "", 0, "17.20")],
            waits_since_us: newest - 167 * hour_us, waits_complete: true, target_ms: 20000,
                bucket_limits_ms: [100, 300, 1000, 3000, 10000, 30000, 60000, 120000],
            waits: Array.from({length: 168}, (_, back) => {
                const at = newest - (167 - back) * hour_us;
                const busy =
                    Math.max(0.05, Math.sin((new Date(at / 1000).getHours() - 6) / 14 * Math.PI));
                const requests = Math.round(140 * busy * (0.5 + noise(back))) + 2;
                const shares =
                    [0.7 - 0.4 * busy, 0.12, 0.08, 0.06 * busy, 0.1 * busy,
                    0.12 * busy * noise(back + 1), 0.04 * busy * noise(back + 2),
                    0.01 * noise(back + 3), 0];
                const buckets = shares.map((share) => Math.floor(share * requests));
                buckets[0] += requests - buckets.reduce((sum, one) => sum + one, 0);
                const p95 = Math.round(400 + 24000 * busy * noise(back + 2));
                return {hour_us: at, requests, p50_ms: Math.round(40 + 900 * busy * noise(back)),
                    p95_ms: p95, p99_ms: Math.round(p95 * (1.2 + noise(back + 9))), buckets};
            })};
}

export function gpus({since = "24h"}) {
    const minute_us = 60e6;
    const newest = Math.floor(Date.now() / 60e3) * minute_us;
    const gpu = (index, more) =>
        ({uuid: `GPU-5090-${index}`, index, name: "NVIDIA GeForce RTX 5090", state: "ok",
        sick: false, why: "", memory_total: 34190917632, memory_used: 29957357568, watts: 571.2,
        watts_limit: 575,
        temperature: 74, utilisation: 97, throttled: "",
            processes: [{pid: 911, name: "llama-server", bytes: 27917287424}], ...more});
    const load = (index, at) =>
        Math.max(0, Math.min(100, 60 * Math.sin(at / 3600e6 + index * 2)
        + 45 * noise(at / minute_us + index)));
    const row = (index, at, key) =>
        ({gpu: `GPU-5090-${index}`, [key]: at, samples: 60,
        watts: Math.round(18 + 5.4 * load(index, at)), utilisation: Math.round(load(index, at)),
        temperature: Math.round(31 + 0.44 * load(index, at)),
        memory: Math.round(4e9 + 2.6e8 * load(index, at)), throttled: false, sick: false});
    const list = (count, step, key) =>
        [0, 1].flatMap((index) =>
        Array.from({length: count}, (_, back) =>
        row(index, newest - (count - 1 - back) * step, key))
        .filter((one) => noise(one[key] / 7e9) > 0.004));
    const hours = {"24h": 24, "7d": 168, "30d": 720, "90d": 2160}[since] ?? 168;
    return {schema: "evenkeel.gpus/1", trouble: "",
        gpus: [gpu(0), gpu(1,
        {watts: 96, utilisation: 12, temperature: 41, memory_used: 4294967296,
        processes: [{pid: 1204, name: "python3", bytes: 2147483648},
        {pid: 1311, name: "ollama", bytes: 1073741824}]})],
            minutes: list(1440, minute_us, "minute_us"),
                hours: list(hours, 60 * minute_us, "hour_us"),
            energy: Array.from({length: 14}, (_, at) =>
                ({day: day(Date.now() - (13 - at) * day_ms), hardware: "desk", idle_microjoules: 1,
                work_microjoules: 1, host_microjoules: 1, estimated_microjoules: 0,
                idle: micro(2e5 + 5e4 * noise(at)), work: micro(4e5 + 7e5 * noise(at + 1)),
                    host: micro(3e5), currency: "AUD", wear: "4.09", wear_currency: "AUD"}))};
}

export function keys() {
    const key = (name, month, limit, more) =>
        ({name, prefix: "ek-a1f", created: "2026-10-02 08:11 UTC",
        last_used: iso(Date.now() - 60_000).replace("T", " ").replace(/:\d\dZ$/, " UTC"), month,
        currency: "AUD", limit,
        requests_per_minute: null, tokens_per_minute: null, in_flight: null, routes: [], team: null,
            expires: null, ...more});
    const limit = (amount, used, per = "month") =>
        ({amount, currency: "AUD", per, used, used_currency: "AUD", ...span(per),
        resets: "2026-12-01 00:00 UTC"});
    return {schema: "evenkeel.keys/1",
        keys: [key("me", "92.10", null),
        key("team-b", "92.95", limit("100.00", "94.15"),
        {routes: ["default"], team: "b", requests_per_minute: 60, tokens_per_minute: 200000}),
        key("ci", "5.48", limit("20.00", "5.48"),
            {routes: ["default", "night-batch"], in_flight: 8, expires: "2027-01-31 00:00 UTC"}),
            key("old-notebook", "0.00", limit("2.00", "0.00", "day"), {last_used: null})]};
}

const policy_text = (max, idle) => `version: 1

routes:                             # first match wins
  - {name: hard, match: {model: [opus]}, use: [opus]}
  - name: default
    match: {}
    use: [qwq-32b, opus]
    prefer: cheapest
    max_wait: 20s

budgets:
  - name: all
    limit: 400 AUD
    per: month
    at: {"60%": warn, "90%": local-only, "100%": refuse}

scaling:
  - name: h100-burst
    model: qwq-32b
    offers: [runpod, do]
    rule: break-even
    max: ${max}
    idle_stop: ${idle}
    max_life: 6h
`;

export function policy({no = "37"}) {
    const now = Date.now() * 1000;
    return {schema: "evenkeel.policy-history/1", running: 37, no: Number(no),
        versions: [37, 36, 35].map((number, at) =>
        ({no: number, at_us: now - (3 + at * 9) * 24 * hour_us,
        author: ["mara", "mara", "start"][at], sha256: "9f2ac04b71d3".repeat(5).slice(0, 64)})),
        versions_max: 200,
            files: [{name: "evenkeel.yaml", text: "version: 1\ncurrency: {report: AUD}\n"},
                {name: "policy.yaml", text: policy_text(2, "15m")}],
            previous: [{name: "evenkeel.yaml", text: "version: 1\ncurrency: {report: AUD}\n"},
                {name: "policy.yaml", text: policy_text(1, "5m")}]};
}

export function policy_draft() {
    const {files} = policy({});
    const cap = (amount, why) => ({amount, currency: amount && "AUD", why});
    const totals = (total, p95) => ({requests: 3_812, currency: "AUD", cost: {own: "4.20",
        rental: total, api: "31.07", total}, wait_s: {p50: 0.2, p95, p99: 21.5}});
    return {schema: "evenkeel.policy-draft/1", folder: "/etc/evenkeel", running: 37,
        unreadable: null, same: false, previous: files,
        files: files.map((file) => file.name === "policy.yaml"
            ? {name: file.name, text: policy_text(3, "15m")} : file),
        check: {schema: "evenkeel.policy-check/1", ok: true, files: 2, diagnostics: [
            {file: "/etc/evenkeel/models.yaml", line: 22, col: 29, end_col: 44, code: "EK-W031",
                severity: "warning", message: "'claude-opus-4-1' was retired on 2026-08-05",
                suggestion: "claude-opus-5-5", path: "models"}]},
        tests: {document: {schema: "evenkeel.policy-test/1", passed: 1, failed: 1, cases: [
            {name: "burst waits 45 s before renting", file: "policy.test.yaml", line: 4,
                passed: true, told: ""},
            {name: "night", file: "policy.test.yaml", line: 31, passed: false,
                told: "should choose desk, chose runpod"}]}},
        plan: {name: "plan-20261123-1.json", outdated: "", document: {
            schema: "evenkeel.policy-plan/1", config: "/etc/evenkeel",
            base: {revision: 37, sha256: "9f2a"}, draft: {sha256: "04b7"},
            made: iso(Date.now() - 240_000),
            changes: [
                {change: "changed", path: "scaling.h100-burst.max", file: "policy.yaml",
                    before: "2", after: "3"},
                {change: "removed", path: "budgets.rentals-per-day", file: "policy.yaml",
                    before: "60 AUD a day", after: ""}],
            at_once: [], at_restart: ["listen.address"],
            worst_case_per_day: {
                rentals: {before: cap("60.00", ""), after: cap("197.47", "limit gone: 2 machines")},
                apis: {before: cap(null, "no budget"), after: cap(null, "no budget")}},
            replay: {since: iso(Date.now() - 30 * 86_400_000), until: iso(Date.now()),
                requests: 3_812, none: null, before: totals("244.46", 9.1),
                after: totals("271.90", 6.04)},
            warnings: ["a daily limit on rentals disappears"],
            confirm: [{name: "rentals-per-day",
                why: "the budget rentals-per-day disappears"}]}}};
}

export function ledger({before = ""}) {
    const from = before ? Number(before) : 0;
    const kinds = [["request", "expense:api:claude", "payable:claude"],
        ["phase", "expense:rental:runpod:serve", "payable:runpod"],
        ["power", "expense:power:desk", "payable:electricity"],
        ["phase", "expense:rental:runpod:boot", "payable:runpod"]];
    return {schema: "evenkeel.ledger/1", next: from >= 100 ? null : String(from + 50),
        transactions: Array.from({length: 50}, (_, back) => {
        const at = from + back;
        const [kind, debit, credit] = kinds[at % 4];
        const amount = micro(20_000 + 900_000 * noise(at));
        const posting = (account, value) =>
            ({account, amount: value, currency: kind === "power" ? "AUD" : "USD", quantity: 1204,
            unit: "tok", price: null, price_seen: null});
        return {id: `06ZGC${1000 - at}`, gateway: 1, seq: 61204 - at,
            at: iso(Date.now() - at * 240_000), day: day(Date.now() - at * 240_000), kind,
            ref: kind === "request" ? `req_06ZGC${at}` : kind === "phase" ? "ek-1a2b3c4d-06ZG1"
            : "",
                idem: "", corrects: null, hash: "5ac31d90ffbe".repeat(5) + "0123",
                    postings: [posting(debit, amount), posting(credit, `-${amount}`)]};
    })};
}

export const verify = () =>
    ({schema: "evenkeel.ledger-verify/1", ok: true, transactions: 61204, postings: 122410,
    requests: 49589, machines: 19, problems: []});

export const reconcile = () => ({schema: "evenkeel.reconcile/1", month: "2026-11", providers: [
    {provider: "runpod", currency: "USD", metered: "38.214021", ledger: "38.229999",
        by_invoice: false, bill: "41.90",
        steps: [{cause: "rounding", text: "the provider rounds up to the cent", amount: "0.015979",
        machines: 19},
        {cause: "not_metered", text: "boot time", amount: "-0.87", machines: 4},
            {cause: "unknown_machine", text: "pod k3x9 ran for 2h 11m", amount: "1.51",
            machines: 1}, {cause: "tax", text: "GST", amount: "3.03", machines: 0}], machines: []},
    {provider: "do", currency: "USD", metered: "8.82", ledger: "8.82", by_invoice: false,
        bill: "8.82", steps: [], machines: []},
        {provider: "claude", currency: "USD", metered: "68.55", ledger: "68.55", by_invoice: false,
        bill: null, steps: [], machines: []}]});

/// Sums by the end of each day to come: what was spent so far grows by about eight a day.
export function forecast() {
    const now = new Date();
    const last = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 0));
    const line = (name, spent, step) => {
        const days = [];
        for (let at = now.getTime(), index = 1; day(at) <= day(last.getTime()); at += day_ms,
            ++index) {
            days.push({day: day(at), expected: micro((spent + step * index) * 1e6),
                low: micro((spent + step * 0.6 * index) * 1e6),
                high: micro((spent + step * 1.6 * index) * 1e6)});
        }
        const {expected, low, high} = days[days.length - 1];
        return {name, per: "month", end: day(last.getTime()), spent: micro(spent * 1e6),
            running: "0.00", committed: "0.00", history_days: 56, note: "", expected, low, high,
            days};
    };
    return {schema: "evenkeel.forecast/1", today: day(Date.now()), currency: "AUD", rates: [],
        method: "mean of the same weekday over 8 weeks; the band holds 8 of 10 past forecasts",
        notes: [], total: line("total", 187, 8),
            budgets: [{...line("all", 187, 8), limit: "400.00", used_up: false, runs_out: null,
                may_run_out: null, fits: "171.00"},
                {...line("team-b", 93, 0.6), limit: "100.00", used_up: false, runs_out: null,
                may_run_out: null, fits: null}]};
}

export const savings = () =>
    ({schema: "evenkeel.savings/1", currency: "AUD", rates: [], notes: [],
    parts: [{what: "all", paid: "187.42", wear: "94.13", cost: "281.55"}], cheapest: null,
    dearest: null, lines: [
        {what: "all", offer: "nano", kind: "api", model: "qwq-32b", gpu: "", cost: "39.41",
            paid: "281.55", saved: "-242.14", rented_s: 0, tokens_other_model: 6500000, prices: []},
        {what: "own", offer: "claude", kind: "api", model: "opus", gpu: "", cost: "702.77",
            paid: "125.33", saved: "577.44", rented_s: 0, tokens_other_model: 84100000, prices: []},
        {what: "rental", offer: "do", kind: "rental", model: "qwq-32b", gpu: "gpu-h100x1-80gb",
            cost: "89.48", paid: "58.64", saved: "30.84", rented_s: 51600, tokens_other_model: 0,
            prices: []}]});

export const idle = () =>
    ({schema: "evenkeel.idle/1", currency: "AUD", rates: [], lines: [], own: [], rental: "17.01",
    own_power: "5.10", own_wear: "0.00", running: "0.00", total: "22.11", totals: [
    {cause: "idle", reason: "keep_warm", words: "kept warm after the last request", count: 19,
        seconds: 7190, cost: "8.21"},
        {cause: "boot", reason: "order", words: "booting and loading weights", count: 19,
        seconds: 4620, cost: "5.28"},
    {cause: "own_idle", reason: "", words: "own hardware on, without work", count: 26,
        seconds: 1391040, cost: "5.10"},
        {cause: "drain", reason: "release", words: "draining", count: 19, seconds: 3083,
        cost: "3.52"}]});

export const health = () =>
    ({schema: "evenkeel.health/1", failures: 1, warnings: 2, money_hazard: true,
    left_out: ["credential files and their rights: evenkeel doctor"], checks: [
    {level: "ok", what: "agent", text: "serving, process 411, up 12d 04h, policy #37", run: [],
        money_hazard: false},
        {level: "ok", what: "ledger",
        text: "/var/lib/evenkeel/ledger.db, schema 6, hash chain intact (61,204 transactions, 49,589 requests)", run: [], money_hazard: false},
    {level: "ok", what: "clock", text: "0.012 s from NTP", run: []},
        {level: "warn", what: "price age",
        text: "do: H100 seen 26 h ago, limit 24 h: no new DigitalOcean machines",
        run: ["evenkeel prices refresh do"]},
    {level: "warn", what: "fx age", text: "USD rate is from 2026-06-30 (146 days)", run: []},
        {level: "fail", what: "unknown machine",
        text: "runpod pod k3x9 (RTX 4090, US$0.69/h) carries our tag, is not in the ledger",
        run: ["evenkeel nodes adopt k3x9", "evenkeel nodes destroy k3x9"], money_hazard: true},
    {level: "ok", what: "gpu 0", text: "31 C, 18 W", run: []}]});

export const prices = () => ({schema: "evenkeel.prices/1", prices: [
    {offer: "runpod", model: "qwq-32b", provider: "runpod", what: "H100 PCIe",
        prices: [{meter: "hour", amount: "2.89", currency: "USD", unit: "h"}], source: "seen",
        stale: false, seen: iso(Date.now() - 3_000_000), age_s: 3000, age_max_s: 86400},
    {offer: "do", model: "qwq-32b", provider: "do", what: "gpu-h100x1-80gb",
        prices: [{meter: "hour", amount: "4.41", currency: "USD", unit: "h"}],
        source: "configured", stale: true, seen: iso(Date.now() - 26 * 3.6e6), age_s: 93600,
        age_max_s: 86400},
    {offer: "claude", model: "opus", provider: "claude", what: "claude-opus-5-5",
        prices: [{meter: "in", amount: "4.00", currency: "USD", unit: "Mtok"},
        {meter: "out", amount: "20.00", currency: "USD", unit: "Mtok"}], source: "configured",
        stale: false, seen: "2026-09-23T00:00:00Z", age_s: 5529600, age_max_s: null}]});

/// The founding study's machine at the prices of docs/breakeven.md; months follow its formula.
export function breakeven({use = "30%"}) {
    const share = Number(use.replace("%", "")) / 100;
    const power = 0.33 * 730 * (0.725 * share + 0.09 * (1 - share)) ;
    const rows = [["renting gpu-h100x1-80gb on do", "rent", 4.41 * 730 * 1.4235 * share,
        "2026-10-08T00:00:00Z", true],
        ["renting H100 PCIe on runpod", "rent", 2.89 * 730 * 1.4235 * share, "2026-11-09T00:00:00Z",
        true],
        ["renting RTX 5090 on runpod", "rent", 0.99 * 730 * 1.4235 * share, "2026-03-31T00:00:00Z",
            true], ["the same tokens, qwq-32b on hosted", "api", 59.5, "2026-07-02T00:00:00Z",
            false],
        ["the same tokens, r1-70b on hosted", "api", 119, "2026-09-25T00:00:00Z", false],
            ["the same tokens, claude-opus-5-5 on claude", "api", 1246.42, "2026-09-23T00:00:00Z",
            false]]
        .map(([instead_of, kind, monthly, price_seen, stale]) =>
            ({instead_of, kind, per_month: monthly.toFixed(2), status: monthly > power ? "ok"
            : "never", months: monthly > power ? (8300 / (monthly - power)).toFixed(2) : null,
            price_seen, stale}));
    return {schema: "evenkeel.breakeven/1", currency: "AUD",
        rates: [{from: "USD", to: "AUD", rate: "1.423500000"}], hours_per_month: 730,
        use: share.toFixed(4), use_from: "as asked", power_per_month: power.toFixed(2),
        wear_per_month: "230.56",
        tariff_per_kwh: "0.3300", tariff_currency: "AUD",
            machine: {name: "desk", price: "8300.00", currency: "AUD", residual: "0.000"},
            tokens: {from: "as asked", in_mtok: "75.90", out_mtok: "28.60", cached_share: "0.0000"},
            horizon_months: 24,
        over_horizon: [{what: "the same tokens, qwq-32b on hosted", cost: "1428.06"},
            {what: "the same tokens, r1-70b on hosted", cost: "2856.11"}], rows,
            swings_of: "renting H100 PCIe on runpod",
        swings: [{what: "use", low: "10 %", low_months: "31.52", high: "60 %", high_months: "4.92"},
            {what: "rent", low: "1.93", low_months: "15.57", high: "3.85", high_months: "7.32"},
            {what: "resale", low: "0 %", low_months: "9.96", high: "35 %", high_months: "6.47"},
            {what: "USD rate", low: "1.28", low_months: "11.17", high: "1.57", high_months: "8.99"},
                {what: "tariff", low: "0.22", low_months: "9.70", high: "0.44",
                high_months: "10.24"}],
        reserved: [{what: "gpu-h100x1-80gb on do", rate: "1.9100", against: "gpu-h100x1-80gb on do",
            list_rate: "4.4100", currency: "USD", status: "ok", percent: "43.31",
            hours_a_month: "316.16"}], rent_versus_api: [], notes: []};
}
