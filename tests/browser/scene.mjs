// Documents of a busy and of an empty daemon for the stand-in. Their shapes are the daemon's; their
// figures are invented and only need to agree with themselves. Times are set when they are asked for.
import * as more from "./scene_more.mjs";

const hour_ms = 3_600_000;
const iso = (ms) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
const day = (ms) => new Date(ms).toISOString().slice(0, 10);
const hour_now = () => Math.floor(Date.now() / hour_ms) * hour_ms;
/// A repeatable spread of numbers in 0..1.
const noise = (seed) => { const x = Math.sin(seed * 12.9898) * 43758.5453; return x - Math.floor(x);
    };
/// Decimal text of whole millionths: sums of the scene stay exact.
export const micro = (value) => {
    const text = String(Math.round(value)).padStart(7, "0");
    return `${text.slice(0, -6)}.${text.slice(-6)}`;
};

const source = (name, kind, what, model, state, more) => ({
    name, kind, what, synthetic: false, model, state, busy: 0, slots: 4, queue: 0, tokens_per_s: 0,
        granted: 0, failed: 0,
    for_s: 1, cost_rate: null, measured: null, vram_used_bytes: null, vram_bytes: null,
        power_milliwatts: null,
    temperature_c: null, ...more});

const machine = (id, name, state, more) => ({
    id, name, machine: `ek-1a2b3c4d-${id}`, provider: "runpod", remote_id: `pod${id}`,
        gpu: "H100 PCIe", model: "qwq-32b", state,
    in_flight: 0, state_for_s: 41.2, age_s: 860.1, paid: "0.98141", rate: "4.11", currency: "AUD",
        ends: "idle 5m / 16:17",
    reason: "overflow has cost 0.6364 AUD, a rental commits 0.5880 AUD", synthetic: false,
        useful_percent: 78, gone_how: null, ...more});

const gpu = (index, more) => ({
    index, uuid: `GPU-5090-${index}`, name: "NVIDIA GeForce RTX 5090", driver: "580.95", mig: false,
        state: "ok",
    memory_bytes: 34190917632, power_limit_milliwatts: 575000, throttled: "", sick: false, why: "",
        xids_seen: 0, last_xid: 0,
    memory_used_bytes: 29957357568, utilisation_percent: 97, power_milliwatts: 571000,
        temperature_c: 74, sm_clock_mhz: 2715,
    ecc_uncorrected: null, ...more});

export function status_busy() {
    const now = Date.now();
    return {
        schema: "evenkeel.status/1", version: "0.1.0", host: "forge", pid: 411,
            started: iso(now - 12 * 86_400_000), at: new Date(now).toISOString(),
        uptime_s: 1_051_200, policy: {revision: 37, loaded: iso(now - 3 * 86_400_000)}, speed: 1,
            state: "serving", frozen: false, frozen_by: "",
        rented: {now: 1, max: 2}, cost_rate: {amount: "4.30", currency: "AUD"},
        spend: {today: "6.314159265", month: "187.42", currency: "AUD"},
        requests: {total: 49589, answered: 49412, refused: 101, cut: 3, failed: 12, client_gone: 58,
            invalid: 3, own: 41208, rental: 5911, api: 2470},
        ledger: {ok: true, path: "/var/lib/evenkeel/ledger.db"}, money_hazard: false,
        sources: [
            source("desk", "own", "RTX 5090 (own)", "qwq-32b", "serving",
                {busy: 4, queue: 3, tokens_per_s: 231, cost_rate: "0.19", for_s: 1051200}),
            source("runpod-1", "rental", "H100 PCIe (rented)", "qwq-32b", "serving",
                {busy: 11, slots: 16, tokens_per_s: 804, cost_rate: "4.11", for_s: 860}),
            source("claude", "api", "API", "opus", "ready",
                {busy: 2, slots: 50, tokens_per_s: 96, for_s: 1051200})],
        gpus: [gpu(0), gpu(1,
            {utilisation_percent: 12, power_milliwatts: 96000, temperature_c: 41,
            memory_used_bytes: 4294967296})], gpus_trouble: "",
        queues: [{model: "qwq-32b", depth: 3, oldest_ms: 12_140, tokens: 14_210}],
        machines: [machine("01JD8Z4T", "runpod-1", "serving", {in_flight: 11})], unknown: [],
            hazards: [],
        providers: [{name: "runpod", driver: "runpod", known: true, currency: "USD",
            balance: "41.20", troubles: []},
                    {name: "do", driver: "digitalocean", known: true, currency: "", balance: null,
                        troubles: ["the account states no balance"]}],
        budgets: [{name: "all", per: "month", limit: "400.00", spent: "187.42", held: "0.312",
            currency: "AUD", ...more.span("month")},
                  {name: "rentals-per-day", per: "day", limit: "60.00", spent: "3.90", held: "0.00",
                      currency: "AUD", ...more.span("day")},
                  {name: "team-b", per: "month", limit: "100.00", spent: "92.95", held: "1.20",
                      currency: "AUD", ...more.span("month")}],
        rules: [{scaling: "h100-burst", model: "qwq-32b", rule: "break-even", auto: false, replay: {
            at: iso(now - 9 * hour_ms), scaling: "h100-burst", since: iso(now - 30 * 86_400_000),
                until: iso(now - 9 * hour_ms), requests: 63911, currency: "AUD",
            rule: "break-even", recommended: "level-memory", note: null, outcomes: [
                {rule: "break-even",
                    cost: {own: "40.70", rental: "76.49", api: "127.27", total: "244.46"},
                    j: "251.22", requests: 63911, within_limit: 63240, machine_starts: 19},
                {rule: "break-even+k",
                    cost: {own: "40.70", rental: "70.02", api: "129.90", total: "240.62"},
                    j: "249.01", requests: 63911, within_limit: 63190, machine_starts: 17},
                {rule: "level-memory",
                    cost: {own: "40.70", rental: "81.15", api: "98.31", total: "220.16"},
                    j: "226.80", requests: 63911, within_limit: 63402, machine_starts: 21}]}}],
        decisions: [{at: iso(now - 14 * 60_000), what: "rent", subject: "h100-burst",
            sentence: "overflow has cost 0.6364 AUD, a rental commits 0.5880 AUD; orders 1"},
                    {at: iso(now - 5 * hour_ms), what: "release", subject: "runpod-1",
                        sentence: "idling has cost 0.5156 AUD, booting again costs 0.5145 AUD"}],
        warnings: ["do: the price of H100 is 26 h old (limit 24 h): new DigitalOcean machines are blocked; evenkeel prices refresh do"],
    };
}

export function nodes_busy() {
    return {schema: "evenkeel.nodes/1", machines: [
        machine("01JD8Z4T", "runpod-1", "serving", {in_flight: 11}),
        machine("01JD7A11", "runpod-1", "gone",
            {age_s: 2710, paid: "3.094", ends: "", reason: "idling has cost 0.5156 AUD",
            gone_how: "destroyed", useful_percent: 71})],
        money_hazard: false, unknown: [], hazards: []};
}

const requests_busy = () => ({schema: "evenkeel.requests-live/1", requests: [
    {id: "req_06ZGC724M0000", key: "team-b", model: "qwq-32b", source: "runpod-1", kind: "rental",
        wait_s: 0, age_s: 19.2, tokens_out: 1204, currency: "", cost: null},
    {id: "req_06ZGC724M0001", key: "me", model: "qwq-32b", source: "", kind: "own", wait_s: 12.1,
        age_s: 12.1, tokens_out: 0, currency: "", cost: null},
    {id: "req_06ZGC724M0002", key: "ci", model: "opus", source: "claude", kind: "api", wait_s: 0,
        age_s: 4.4, tokens_out: 310, currency: "AUD", cost: "0.047912"}]});

function hours(count) {
    const newest = hour_now();
    return {schema: "evenkeel.hours/1", since: iso(newest - (count - 1) * hour_ms),
        until: new Date().toISOString(), currency: "AUD",
        hours: Array.from({length: count}, (_, back) => {
        const at = newest - (count - 1 - back) * hour_ms;
        const hour = new Date(at).getHours();
        const day_share = Math.max(0, Math.sin((hour - 7) / 13 * Math.PI));
        const rents = hour > 9 && hour < 18 && noise(at / hour_ms) > 0.35;
        return {at: iso(at), own: micro((50_000 + 140_000 * day_share) * (0.8 + 0.4 * noise(back))),
                rental: micro(rents ? 1_400_000 + 1_900_000 * noise(back + 7) : 0),
                    waste: micro(rents ? 300_000 + 500_000 * noise(back + 3) : 0),
                api: micro(day_share * 900_000 * noise(back + 11) + 20_000 * noise(back))};
    })};
}

const line = (kind, label, requests, tokens_in, tokens_out, cost, per_mtok, synthetic = false) =>
    ({kind, label, synthetic, requests, tokens_in, tokens_out, cost, charged: cost, per_mtok});
const spend_lines = {
    source: [line("own", "desk", 41208, 61_200_000, 22_900_000, "31.20", "0.37"),
             line("rental", "H100 PCIe", 5911, 9_800_000, 4_100_000, "58.64", "4.22"),
             line("api", "claude", 2470, 4_900_000, 1_600_000, "97.58", "15.01")],
    model: [line("", "(not by request)", 0, 0, 0, "89.84", null),
        line("", "qwq-32b", 47119, 71e6, 27e6, "0.00", "0.00"),
            line("", "opus", 2470, 4_900_000, 1_600_000, "97.58", "15.01")],
    key: [line("", "(not by request)", 0, 0, 0, "89.84", null),
        line("", "me", 31000, 40e6, 15e6, "51.15", "0.93"),
          line("", "team-b", 18000, 33e6, 12e6, "40.95", "0.91"),
              line("", "ci", 589, 2.9e6, 1.6e6, "5.48", "1.22")],
    route: [line("", "(not by request)", 0, 0, 0, "89.84", null),
        line("", "default", 47119, 71e6, 27e6, "32.10", "0.33"),
        line("", "hard", 2470, 4.9e6, 1.6e6, "65.48", "10.07")],
    provider: [line("", "claude", 2470, 4.9e6, 1.6e6, "97.58", "15.01"),
        line("", "runpod", 5911, 9.8e6, 4.1e6, "58.64", "4.22"),
        line("", "desk-llama", 41208, 61.2e6, 22.9e6, "31.20", "0.37")],
};

function spend({by = "source"}) {
    const own = {hardware: "desk", on_s: 1_987_200, worked_s: 596_160, idle_kwh: "48.2",
        work_kwh: "42.5", host_kwh: "20.1", power: "31.20", wear: "94.13"};
    return {schema: "evenkeel.spend/1", first: `${day(Date.now()).slice(0, 8)}01`,
        last: day(Date.now()), currency: "AUD", rates: ["USD at 1.4235 (2026-06-30)"], by,
            lines: spend_lines[by] ?? spend_lines.source,
                total: line("", "total", 49589, 75_900_000, 28_600_000, "187.42", "1.79"),
            rental: {phases: [{phase: "serve", cost: "41.63", share_permille: 710},
                {phase: "boot", cost: "5.28", share_permille: 90},
                              {phase: "idle", cost: "8.21", share_permille: 140},
                                  {phase: "drain", cost: "3.52", share_permille: 60}],
                                  not_serving: "17.01"},
            own: {hardware: [own], tokens: 84_100_000, per_mtok_work: "0.17",
                per_mtok_power: "0.37", per_mtok_used: "0.71", per_mtok_all: "1.49"},
            api_only: {label: "claude-opus-5-5", cost: "1246.42", saved: "964.87"}, rules: []};
}

function spend_days() {
    const days = [];
    const first = new Date(`${day(Date.now()).slice(0, 8)}01T00:00:00Z`).getTime();
    for (let at = first, index = 0; at <= Date.now(); at += 86_400_000, ++index) {
        const weekday = new Date(at).getUTCDay() % 6 !== 0;
        const lines = [{kind: "own", label: "desk", requests: 1800,
            cost: micro((0.9 + 0.6 * noise(index)) * 1e6)}];
        if (weekday && noise(index + 5) > 0.3) {
            lines.push({kind: "rental", label: "H100 PCIe", requests: 280,
                cost: micro((1 + 4 * noise(index + 9)) * 1e6)});
        }
        lines.push({kind: "api", label: "claude", requests: 107,
            cost: micro((weekday ? 3 + 3 * noise(index + 2) : 0.5) * 1e6)});
        days.push({day: day(at), lines});
    }
    return {schema: "evenkeel.spend-days/1", first: days[0].day,
        last: days[days.length - 1].day, currency: "AUD", by: "source", days};
}

const error = (status, code, message) => ({status, error: {code, message}});

export function busy() {
    return {
        "/api/status": status_busy, "/api/nodes": nodes_busy, "/api/requests": requests_busy,
        "/ui/api/hours": ({since = "24h"}) =>
            hours(since.endsWith("h") ? Number(since.slice(0, -1)) : 168),
        "/ui/api/spend": spend, "/ui/api/spend-days": spend_days,
        "/ui/api/machines": more.machines, "/ui/api/routing": more.routing,
            "/ui/api/gpus": more.gpus, "/ui/api/keys": more.keys,
        "/ui/api/policy": more.policy, "/ui/api/policy/draft": more.policy_draft, "/ui/api/forecast": more.forecast,
            "/ui/api/savings": more.savings, "/ui/api/idle": more.idle,
            "/ui/api/ledger": more.ledger, "/ui/api/ledger/verify": more.verify,
        "/ui/api/reconcile": more.reconcile, "/ui/api/health": more.health,
            "/api/prices": more.prices, "/ui/api/breakeven": more.breakeven,
        "/ui/api/me": () => ({control: false, user: null}),
    };
}

export function empty() {
    const status = () => (
        {...status_busy(), rented: {now: 0, max: 0}, cost_rate: {amount: "0.00", currency: "AUD"},
        uptime_s: 40,
        spend: {today: "0.00", month: "0.00", currency: "AUD"}, sources: [], gpus: [], queues: [],
            machines: [], providers: [], budgets: [],
        rules: [], decisions: [], warnings: [],
        requests: {total: 0, answered: 0, refused: 0, cut: 0, failed: 0, client_gone: 0, invalid: 0,
            own: 0, rental: 0, api: 0}});
    return {
        "/api/status": status, "/api/nodes": () =>
            ({schema: "evenkeel.nodes/1", machines: [], money_hazard: false, unknown: [],
            hazards: []}),
        "/api/requests": () => ({schema: "evenkeel.requests-live/1", requests: []}),
        "/ui/api/hours": () => ({schema: "evenkeel.hours/1",
            since: iso(hour_now() - 24 * hour_ms), until: iso(Date.now()), currency: "AUD", hours: []}),
        "/ui/api/me": () => ({control: false, user: null}),
    };
}

export {error};
