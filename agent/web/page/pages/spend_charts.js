// The charts of the page Spend over time, and the ranking.
import {Cumulative} from "../charts/cumulative.js";
import {Days, KIND_LAYERS} from "../charts/days.js";
import {Ranked} from "../charts/ranked.js";
import {path_with, useDocument} from "../lib/api.js";
import {html} from "../lib/h.js";
import {exact, money_text, nanos, percent_text, permille} from "../lib/money.js";
import {days_between, short_day} from "../lib/time.js";
import {KINDS, count_text, plural, kind_word, line_key, line_name, short_count} from "../lib/words.js";
import {Figure} from "../parts/figure.js";
import {Legend} from "../parts/legend.js";
import {Money} from "../parts/money.js";
import {WithDocument} from "../parts/states.js";

/// Each day's money by kind, the days without any among them.
export function days_of(document) {
    if (document.days.length === 0) {
        return [];
    }
    const known = new Map(document.days.map((day) => [day.day, day.lines]));
    return days_between(document.first, document.last).map((day) => {
        const parts = {};
        for (const line of known.get(day) ?? []) {
            parts[line.kind] = (parts[line.kind] ?? 0n) + nanos(line.cost);
        }
        return {day, parts, total: Object.values(parts).reduce((all, part) => all + part, 0n)};
    });
}

function dearest(days, currency) {
    const total = days.reduce((all, day) => all + day.total, 0n);
    const best = days.reduce((most, day) => (day.total > (most?.total ?? -1n) ? day : most), null);
    if (!best || total === 0n) {
        return "No day cost anything.";
    }
    return html`<${Money} amount=${total} currency=${currency} figure="spend.days.cost" /> on ${
        plural(days.filter((day) => day.total > 0n).length, "day")} with spending; the dearest was ${
        short_day(best.day)} with ${money_text(best.total, currency)}.`;
}

export function DayBars({since}) {
    const from = useDocument(path_with("/ui/api/spend-days", {since, by: "source"}));
    return html`<${WithDocument} from=${from} what="Spending by day">${(document) => {
        const days = days_of(document);
        const {currency} = document;
        return html`<${Figure} title="Money a day" name="spend-days"
            finding=${dearest(days, currency)}
            legend=${html`<${Legend}
                kinds=${KINDS.filter((kind) =>
                days.some((day) => (day.parts[kind] ?? 0n) > 0n))} />`}
            data=${{columns: [{label: "day"},
                ...KINDS.map((kind) => ({label: kind_word(kind), align: "right"})),
                {label: `total (${currency})`, align: "right"}],
                    rows: days.map((day) =>
                        [day.day, ...KINDS.map((kind) => exact(day.parts[kind] ?? 0n)),
                        exact(day.total)])}}>
            <${Days} days=${days} layers=${KIND_LAYERS} currency=${currency} /><//>`;
    }}<//>`;
}

/// This month's sum against the budget that counts all of it, with the forecast where there is one.
export function Sum({status}) {
    // Without a time it is this month up to today, both as the ledger's zone has them.
    const from = useDocument("/ui/api/spend-days?by=source");
    const {document: forecast} = useDocument("/ui/api/forecast", 60_000);
    const monthly = status.budgets.filter((budget) => budget.per === "month");
    const budget = monthly.find((one) => one.name === "all") ?? monthly[0] ?? null;
    return html`<${WithDocument} from=${from} what="The month's sum">${(document) => {
        const {currency} = document;
        const {first, last} = document;
        const [year, month] = first.split("-").map(Number);
        const end = new Date(Date.UTC(year, month, 0)).toISOString().slice(0, 10);
        const days = days_between(first, end);
        const known = new Map(days_of(document).map((day) => [day.day, day.total]));
        let all = 0n;
        const sums = days.filter((day) => day <= last).map((day) => (all += known.get(day) ?? 0n));
        const limit = budget && budget.currency === currency ? nanos(budget.limit) : null;
        const line = forecast?.currency === currency && forecast.total.expected !== null
            ? forecast.total : null;
        const read = ({day, expected, low, high}) =>
            ({day, low: nanos(low), mid: nanos(expected), high: nanos(high)});
        const going = line && read({...line, day: line.end});
        const so_far = html`<${Money} amount=${all} currency=${currency} figure="spend.month.cost" /> so
            far`;
        const share = limit ? `, ${percent_text(permille(all, limit))} of “${budget.name}”` : "";
        const where = !going ? ""
            : ` It goes to ${money_text(going.mid, currency,
            2)} by ${short_day(days[days.length - 1])} (${
            money_text(going.low, currency, 2)} to ${money_text(going.high, currency,
                2)})${limit === null ? "" : going.low > limit ? ": over the limit"
            : going.high > limit ? ": it may pass the limit" : ": the limit holds"}.`;
        return html`<${Figure} title="Will the month hold?" name="month"
            finding=${html`${so_far}${share}.${where}`}
            note=${forecast ? [forecast.method, forecast.total.note].filter(Boolean).join("; ")
                : null}
            data=${{columns: [{label: "day"}, {label: `sum (${currency})`, align: "right"}],
                rows: sums.map((sum, at) => [days[at], exact(sum)])}}>
            <${Cumulative} days=${days} sums=${sums} forecast=${line
                && line.days.map(read)} limit=${limit} currency=${currency} /><//>`;
    }}<//>`;
}

const RANKED_MAX = 12;

export function Rank({spend}) {
    const {currency, total} = spend;
    const lines = [...spend.lines].sort((a, b) => (nanos(b.cost) > nanos(a.cost) ? 1 : -1));
    const first = lines[0];
    const rows = lines.slice(0, RANKED_MAX).map((line) => ({
        key: line_key(line), name: line_name(line), kind: line.kind, amount: nanos(line.cost),
        figure: `spend.lines.${line_key(line)}.cost`,
        under: line.requests
            ? `${count_text(line.requests)} requests, ${short_count(line.tokens_in
            + line.tokens_out)} tokens` : "by time, not by request"}));
    const finding = first
        ? `${line_name(first)} cost most: ${percent_text(
        permille(nanos(first.cost), nanos(total.cost)))} of all.` : "Nothing was spent.";
    return html`<${Figure} title=${`Most cost, by ${spend.by}`} name="ranked" finding=${finding}
        note=${lines.length > RANKED_MAX
            ? `The first ${RANKED_MAX} of ${lines.length}; all stand in the table below.` : null}
        data=${{columns: [{label: spend.by}, {label: "kind"}, {label: "requests", align: "right"},
            {label: `cost (${currency})`, align: "right"}],
                rows: lines.map((line) => [line_name(line), line.kind, line.requests, line.cost])}}>
        <${Ranked} rows=${rows} currency=${currency} /><//>`;
}
