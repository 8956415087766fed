// What the command line says of every figure that the page names: its --json, under the page's names.
import assert from "node:assert/strict";
import {exact, nanos, sum} from "../../agent/web/page/lib/money.js";
import {settled} from "./browser.mjs";
import {until} from "../clients/helpers.mjs";

/// Tokens a month for the comparison of a machine that has not worked yet.
export const TOKENS = {in_mtok: "75.9", out_mtok: "28.6"};

const wears = (spend) => spend.own.hardware.map((one) => one.wear ?? "0");

/// Figures of documents, each {name of the figure: exact text}.
const takers = {
    async status(daemon, put) {
        const status = await daemon.json("status");
        put("status.cost_rate.amount", status.cost_rate.amount);
        put("status.spend.today", status.spend.today);
        put("status.spend.month", status.spend.month);
        put("status.rented.now", status.rented.now);
        status.sources.forEach((one) => put(`status.sources.${one.name}.cost_rate`, one.cost_rate));
        for (const one of status.budgets) {
            put(`status.budgets.${one.name}.spent`, one.spent);
            put(`status.budgets.${one.name}.limit`, one.limit);
        }
        status.providers.forEach((one) => put(`status.providers.${one.name}.balance`, one.balance));
    },
    async nodes(daemon, put) {
        const paid = {};
        for (const one of (await daemon.json("nodes")).machines) {
            put(`nodes.machines.${one.id}.paid`, one.paid);
            put(`nodes.machines.${one.id}.rate`, one.rate);
            put(`machines.${one.id}.paid`, one.paid);
            paid[one.currency] = (paid[one.currency] ?? 0n) + nanos(one.paid);
        }
        Object.entries(paid).forEach(([currency, all]) => put(`machines.paid.${currency}`, exact(all)));
    },
    async spend(daemon, put, by) {
        const spend = await daemon.json("report", "spend", "--by", by);
        const line = (name, one) => {
            put(`spend.${name}.cost`, one.cost);
            put(`spend.${name}.charged`, one.charged);
            put(`spend.${name}.per_mtok`, one.per_mtok);
        };
        spend.lines.forEach((one) =>
            line(`lines.${one.kind}/${one.label}${one.synthetic ? "/synthetic" : ""}`, one));
        line("total", spend.total);
        // The days' sums, and this month's, are of the same rows: the report's own time is this month.
        ["spend.days.cost", "spend.month.cost"].forEach((name) =>
            put(name, exact(nanos(spend.total.cost))));
        put("spend.with_wear.cost", exact(nanos(spend.total.cost) + sum(wears(spend))));
        put("spend.total.requests", spend.total.requests);
        put("spend.rental.not_serving", spend.rental.not_serving);
        spend.rental.phases.forEach((one) =>
            put(`spend.rental.phases.${one.phase}.cost`, one.cost));
        put("spend.api_only.cost", spend.api_only?.cost);
    },
    async energy(daemon, put) {
        const spend = await daemon.json("report", "spend", "--since", "24h");
        put("energy.power", exact(sum(spend.own.hardware.map((one) => one.power))));
        put("energy.wear", exact(sum(wears(spend))));
    },
    async idle(daemon, put) {
        const idle = await daemon.json("report", "idle");
        idle.totals.forEach((one) => put(`idle.${one.cause}.${one.reason}.cost`, one.cost));
    },
    async savings(daemon, put) {
        for (const line of (await daemon.json("report", "savings")).lines) {
            ["cost", "paid", "saved"].forEach((name) =>
                put(`savings.${line.what}.${line.offer}.${name}`, line[name]));
        }
    },
    async keys(daemon, put) {
        for (const key of (await daemon.json("keys", "list")).keys) {
            put(`keys.${key.name}.month`, key.month);
            put(`keys.${key.name}.limit.used`, key.limit?.used);
            put(`keys.${key.name}.limit.amount`, key.limit?.amount);
        }
    },
    async prices(daemon, put) {
        for (const offer of (await daemon.json("prices")).prices) {
            offer.prices.forEach((one) => put(`prices.${offer.offer}.${one.meter}`, one.amount));
        }
    },
    async breakeven(daemon, put) {
        const document = await daemon.json("breakeven", "--in-mtok", TOKENS.in_mtok, "--out-mtok",
            TOKENS.out_mtok);
        put("breakeven.power_per_month", document.power_per_month);
        for (const row of document.rows) {
            put(`breakeven.rows.${row.instead_of}.per_month`, row.per_month);
            put(`breakeven.rows.${row.instead_of}.months`, row.months ?? row.status);
        }
    },
    async ledger(daemon, put) {
        for (const tx of (await daemon.json("ledger", "show", "--limit", "25")).transactions) {
            tx.postings.forEach((one, at) => put(`ledger.${tx.id}.${at}.amount`, one.amount));
        }
    },
    async reconcile(daemon, put) {
        for (const one of (await daemon.json("ledger", "reconcile")).providers) {
            ["metered", "ledger", "bill"].forEach((key) =>
                put(`reconcile.${one.provider}.${key}`, one[key]));
        }
    },
};

/// All figures that the documents named hold by the command line; `by` is for the spend report.
export async function cli_figures(daemon, names, by = "source") {
    const figures = new Map();
    const put = (name, value) => value !== null && value !== undefined
        && figures.set(name, String(value));
    await Promise.all(names.map((name) => takers[name](daemon, put, by)));
    return figures;
}

/// Those the page shows, at its top too: [{figure, exact, text}].
export const page_figures = (page) =>
    page.evaluate(() => [...document.querySelectorAll("[data-figure]")].map((element) =>
    ({figure: element.dataset.figure, exact: element.dataset.exact, text: element.innerText})));

/// Whether a text shows an exact amount, rounded half to even to as many decimals as the text has.
export function shows(text, exact) {
    const shown = text.replaceAll(",", "").match(/-?(?:[A-Z]*\$|[A-Z]{3} )?(\d+)(?:\.(\d+))?/);
    if (!shown || !/^-?\d+(\.\d+)?$/.test(exact)) {
        return text.startsWith(exact);
    }
    const decimals = (shown[2] ?? "").length;
    const scale = 10n ** 9n;
    const [whole, rest = ""] = exact.replace("-", "").split(".");
    const nanos = BigInt(whole) * scale + BigInt(rest.padEnd(9, "0"));
    const step = 10n ** BigInt(9 - decimals);
    const double = (nanos % step) * 2n;
    const rounded = nanos / step
        + (double > step || (double === step && (nanos / step) % 2n) ? 1n : 0n);
    return BigInt(shown[1] + (shown[2] ?? "")) === rounded
        && text.startsWith("-") === (exact.startsWith("-") && rounded !== 0n
        || exact.startsWith("-"));
}

/// Which documents a page's figures come from, besides the status at the top of each.
const SOURCES = {now: ["nodes"], spend: ["spend", "idle", "savings"], machines: ["nodes"],
    gpus: ["energy"], keys: ["keys"], ledger: ["ledger", "reconcile"], breakeven: ["breakeven"],
    health: ["prices"]};

/// Compares all figures of a page with the command line's; what moves meanwhile is read anew. Their
/// names.
export async function compare(page, daemon, one, query = "", by = "source") {
    let found = [];
    await until(`the figures of ${one}${query}`, async () => {
        const sources = ["status", ...SOURCES[one]];
        const before_it = await cli_figures(daemon, sources, by);
        await page.goto(`${daemon.url}/#/${one}${query}`);
        await page.reload();
        await settled(page);
        found = await page_figures(page);
        const after_it = await cli_figures(daemon, sources, by);
        const still = [...after_it].every(([name, value]) => before_it.get(name) === value);
        if (still) {
            for (const {figure, exact, text} of found) {
                assert.equal(exact, after_it.get(figure),
                    `${one}${query}: ${figure} on the page and on the command line`);
                assert.ok(shows(text, exact), `${figure}: “${text}” shows ${exact}`);
            }
        }
        return still;
    }, 30_000);
    return found.map(({figure}) => figure);
}
