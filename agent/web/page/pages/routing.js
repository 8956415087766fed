// Routing: where requests went, what that cost, and how long they waited.
import {Heat, bucket_word} from "../charts/heat.js";
import {Matrix} from "../charts/matrix.js";
import {Series} from "../charts/series.js";
import {path_with, useDocument} from "../lib/api.js";
import {html, useMemo} from "../lib/h.js";
import {percent_text, permille} from "../lib/money.js";
import {date_of, duration_text, utc_text} from "../lib/time.js";
import {count_text} from "../lib/words.js";
import {Choice, RANGES, range_of} from "../parts/choice.js";
import {Figure} from "../parts/figure.js";
import {Legend} from "../parts/legend.js";
import {FirstRun, WithDocument} from "../parts/states.js";

const name_of = (cell) => `${cell.source}${cell.synthetic ? " (synthetic)" : ""}`;
const KIND_ORDER = ["own", "rental", "api", ""];

function Where({document}) {
    // Money of time (machines, power) belongs to no route; it stands on the page Spend.
    const cells = document.cells.filter((cell) => cell.requests > 0);
    const columns = [...new Map(
        cells.map((cell) =>
        [`${cell.kind}/${name_of(cell)}`,
        {key: `${cell.kind}/${name_of(cell)}`, name: name_of(cell) || "nobody", kind: cell.kind}]))
        .values()]
        .sort((a, b) => KIND_ORDER.indexOf(a.kind) - KIND_ORDER.indexOf(b.kind));
    const routes = [...new Set(cells.map((cell) => cell.route))];
    const rows = routes.map((route) =>
        ({key: route, name: route || "(no route)",
        cells: new Map(cells.filter((cell) => cell.route === route).map((cell) =>
        [`${cell.kind}/${name_of(cell)}`,
            {...cell, figure: `routing.${route}.${name_of(cell)}.cost`}]))}));
    const all = cells.reduce((sum, cell) => sum + cell.requests, 0);
    const best = cells.reduce((most, cell) => (cell.requests > (most?.requests ?? 0) ? cell : most),
        null);
    const finding = best ? `${percent_text(
        permille(BigInt(best.requests), BigInt(all)))} of ${count_text(
        all)} requests took route “${best.route}” to ${name_of(best)}.` : "No request was routed.";
    return html`<${Figure} title="Route by source" name="matrix" wide finding=${finding}
        note=${`Requests, and beneath them the money paid for each by itself, in ${document.currency}: own and rented work costs time and stands on the page Spend.`}
        data=${{columns: [{label: "route"}, {label: "source"}, {label: "kind"},
            {label: "requests", align: "right"},
            {label: `cost (${document.currency})`, align: "right"}],
                rows: cells.map((cell) =>
                    [cell.route, name_of(cell), cell.kind, cell.requests, cell.cost])}}>
        <${Matrix} label="Requests and cost by route and source" columns=${columns} rows=${rows}
            currency=${document.currency} /><//>`;
}

function Strip({document}) {
    const {waits, bucket_limits_ms: limits} = document;
    const all = waits.reduce((sum, hour) => sum + hour.requests, 0);
    const quick = waits.reduce((sum, hour) => sum + hour.buckets[0], 0);
    const finding = `${percent_text(permille(BigInt(quick), BigInt(all)))} of ${count_text(
        all)} requests waited at most ${duration_text(limits[0] / 1000)}.`;
    return html`<${Figure} title="Waits by hour" name="heat" finding=${finding}
        note=${document.waits_complete === false
        ? "Too many requests to look at all: only the newest are counted." : null}
        data=${{columns: [{label: "hour"}, {label: "requests", align: "right"},
            ...[...limits, null].map((_, at) =>
            ({label: bucket_word(limits, at), align: "right"}))],
                rows: waits.map((hour) =>
                    [utc_text(date_of(hour.hour_us)), hour.requests, ...hour.buckets])}}>
                    <${Heat} hours=${waits} limits=${limits} /><//>`;
}

const LINES = [["p50", "p50_ms", "--own", undefined], ["p95", "p95_ms", "--rental", [6, 3]],
    ["p99", "p99_ms", "--waste", [2, 2]]];

function Tails({document}) {
    const {waits, target_ms: target} = document;
    const times = useMemo(() => waits.map((hour) => hour.hour_us / 1e6), [waits]);
    const lines = useMemo(() =>
        LINES.map(([word, key, ink, dash]) =>
        ({word, ink, dash, values: waits.map((hour) => hour[key] / 1000)})), [waits]);
    const late = target === null ? 0 : waits.filter((hour) => hour.p95_ms > target).length;
    const worst = waits.reduce((most, hour) => (hour.p99_ms > most.p99_ms ? hour : most), waits[0]);
    const limit = target === null ? "" : `the strictest route's limit of ${duration_text(
        target / 1000)}`;
    const finding = target === null
        ? `No route states a limit. The worst hour's p99 was ${duration_text(worst.p99_ms / 1000)}.`
        : late === 0 ? `In every hour 95 of 100 requests began within ${limit}.`
        : `In ${count_text(late)} of ${count_text(
            waits.length)} hours more than 5 of 100 requests waited longer than ${limit}.`;
    return html`<${Figure} title="The tail of waits" name="tails" finding=${finding}
        legend=${html`<${Legend} kinds=${[]}
            extra=${[["line-p50", "p50"], ["line-p95", "p95"], ["line-p99", "p99"],
                ...(target === null ? [] : [["line-target", "the strictest route's limit"]])]} />`}
        note=${target === null ? null : `The waits are those of all routes. Other routes may wait
            longer than the limit that is drawn, which is the shortest max_wait of them.`}
        data=${{columns: [{label: "hour"}, {label: "requests", align: "right"},
            ...LINES.map(([word]) => ({label: `${word} (ms)`, align: "right"}))],
                rows: waits.map((hour) =>
                    [utc_text(date_of(hour.hour_us)), hour.requests, hour.p50_ms, hour.p95_ms,
                    hour.p99_ms])}}>
        <${Series} times=${times} lines=${lines} target=${target === null ? null
            : target / 1000} format=${duration_text} height=${200}
            label="Lines of the median, the 95th and the 99th percentile of waits by hour" /><//>`;
}

export function Routing({query}) {
    const since = range_of(query, "7d");
    const from = useDocument(path_with("/ui/api/routing", {since}), 60_000);
    return html`<div class="choices">
        <${Choice} label="Time" name="since" value=${since} options=${RANGES} /></div>
        <${WithDocument} from=${from} what="Routing">
            ${(document) => document.cells.every((cell) => cell.requests === 0)
            ? html`<${FirstRun} title="No request was routed in this time."
                command="evenkeel route explain">Why a request went where it went is explained by
                its id.<//>`
            : html`<div class="grid"><${Where} document=${document} />${document.waits.length > 0
                && html`<${Strip} document=${document} /><${Tails} document=${document} />`}</div>`}
                <//>`;
}
