// Now: what it costs at this moment, on what, and what will end it.
import {Spark} from "../charts/spark.js";
import {StackHours, hours_of, hours_table} from "../charts/stack_hours.js";
import {useDocument} from "../lib/api.js";
import {html} from "../lib/h.js";
import {money_text, nanos, permille, percent_text, pixels} from "../lib/money.js";
import {KINDS, count_text, kind_word, list_text, plural} from "../lib/words.js";
import {clock_text, duration_text} from "../lib/time.js";
import {Figure} from "../parts/figure.js";
import {Kind, Legend} from "../parts/legend.js";
import {Figured, Money} from "../parts/money.js";
import {FirstRun, WithDocument} from "../parts/states.js";
import {Table} from "../parts/table.js";
import {Tile, Tiles} from "../parts/tile.js";
import {Budgets} from "./now_budgets.js";
import {Decisions, InFlight, Rentals, Warnings} from "./now_lists.js";

function Head({live}) {
    const {status, samples} = live;
    const {currency} = status.cost_rate;
    const sum = (key) => status.sources.reduce((all, one) => all + (one[key] ?? 0), 0);
    const queued = status.queues.reduce((all, one) => all + one.depth, 0);
    const oldest = Math.max(0, ...status.queues.map((one) => one.oldest_ms)) / 1000;
    const watts = status.gpus.reduce((all, one) => all + (one.power_milliwatts ?? 0), 0) / 1000;
    const line = (key) =>
        html`<${Spark} values=${samples.map((one) => key === "rate" ? pixels(one.rate)
        : one[key])} />`;
    return html`<${Tiles} label="At this moment">
        <${Tile} label="Spending" line=${line("rate")} under="rented machines, without own power">
            <${Money} amount=${status.cost_rate.amount} currency=${currency} decimals=${2} per="/h"
                figure="status.cost_rate.amount" /><//>
        <${Tile} label="Today" under="since midnight of the ledger's day">
            <${Money} amount=${status.spend.today} currency=${status.spend.currency}
                figure="status.spend.today" /><//>
        <${Tile} label="This month" under=${`in ${status.spend.currency}`}>
            <${Money} amount=${status.spend.month} currency=${status.spend.currency}
                figure="status.spend.month" /><//>
        <${Tile} label="Rented machines" under=${status.rented.now ? "see when each ends below"
            : "nothing is rented"}>
            <${Figured} figure="status.rented.now" exact=${status.rented.now}>${status.rented.now}
                <//>
            <span class="of"> of ${status.rented.max}</span><//>
        <${Tile} label="Waiting" line=${line("queue")} under=${queued
            ? `the oldest for ${duration_text(oldest)}` : "nobody waits"}>
            ${count_text(queued)}<//>
        <${Tile} label="Tokens a second" line=${line("tokens")}
            under=${`${count_text(sum("busy"))} in flight`}>
            ${count_text(sum("tokens_per_s"))}<//>
        ${watts > 0 && html`<${Tile} label="Own GPUs" line=${line("watts")}
            under="drawn, as the driver measures">
            ${count_text(Math.round(watts))}<span class="of"> W</span><//>`}
    <//>`;
}

function hours_finding(hours, currency) {
    const sums = Object.fromEntries(KINDS.map((kind) =>
        [kind, hours.reduce((all, hour) => all + hour.parts[kind], 0n)]));
    const total = KINDS.reduce((all, kind) => all + sums[kind], 0n);
    if (total === 0n) {
        return "Nothing was spent in the last 24 hours.";
    }
    const parts = KINDS.filter((kind) => sums[kind] > 0n)
        .sort((a, b) => (sums[b] > sums[a] ? 1 : -1));
    const totals = hours.map(({parts: one}) => KINDS.reduce((all, kind) => all + one[kind], 0n));
    const dearest = totals.reduce((best, value, at) => (value > totals[best] ? at : best), 0);
    const words = parts.map((kind) =>
        `${percent_text(permille(sums[kind], total))} ${kind_word(kind)}`);
    return `${money_text(total,
        currency)} in 24 hours: ${list_text(words)}. The dearest hour began at ${
        clock_text(hours[dearest].at)} with ${money_text(totals[dearest], currency)}.`;
}

function Day() {
    const from = useDocument("/ui/api/hours?since=24h", 10_000);
    return html`<${WithDocument} from=${from} what="The last 24 hours">${(document) => {
        const hours = hours_of(document, 24);
        return html`<${Figure} title="Money an hour, last 24 hours" name="hours"
            finding=${hours_finding(hours, document.currency)}
                data=${hours_table(hours, document.currency)}
            legend=${html`<${Legend} kinds=${KINDS} />`}
                note=${`Amounts in ${document.currency}, each hour by itself.`}>
            <${StackHours} hours=${hours} currency=${document.currency} /><//>`;
    }}<//>`;
}

function Sources({status}) {
    if (status.sources.length === 0) {
        return html`<${FirstRun} title="No source yet."
            command="evenkeel init">Evenkeel has nothing to answer from: no own engine, nothing to
                rent, no API.<//>`;
    }
    const queue = (source) => (source.queue ? count_text(source.queue) : "0");
    return html`<${Table} label="Sources" columns=${[
        {label: "Cost now", align: "right"}, {label: "Source"}, {label: "Kind"}, {label: "What"},
            {label: "Model"},
        {label: "State"}, {label: "Busy", align: "right"}, {label: "Queue", align: "right"},
        {label: "Tok/s", align: "right"}, {label: "For", align: "right"}]}
        plain rows=${status.sources.map((source) =>
            ({key: source.name, attributes: {"data-source": source.name}, cells: [
            source.cost_rate === null
                ? html`<span class="dim">${source.kind === "api" ? "per token" : "–"}</span>`
                : html`<${Money} amount=${source.cost_rate} currency=${status.cost_rate.currency}
                    decimals=${2} per="/h"
                    figure=${`status.sources.${source.name}.cost_rate`} />`,
            html`<b>${source.name}</b>`, html`<${Kind} kind=${source.kind} />`,
            html`${source.what}${source.synthetic && !source.what.includes("synthetic")
                ? " (synthetic)" : ""}`,
            source.model, source.state,
            html`<span class="busy">${source.busy}/${source.slots}
                <meter aria-label=${`${source.name} busy`} min="0"
                max=${Math.max(1, source.slots)} value=${source.busy}></meter></span>`,
            queue(source), count_text(source.tokens_per_s), duration_text(source.for_s)]}))} />`;
}

export function Now({live}) {
    const {status} = live;
    const served = status.requests.total;
    return html`
        <${Warnings} status=${status} />
        <${Head} live=${live} />
        ${served === 0 && nanos(status.spend.month) === 0n && html`<${FirstRun} title="No request has come yet."
            command="evenkeel keys create me">Point a client at the API's address with a key of its
                own; the first answers show here.<//>`}
        <div class="grid lean">
            <${Budgets} status=${status} />
            <${Day} />
        </div>
        <section aria-labelledby="now-sources"><h2 id="now-sources">Sources <span class="dim">${
            plural(served, "request")} since the start</span></h2><${Sources} status=${status} />
                </section>
        <${Rentals} live=${live} />
        <${InFlight} />
        <${Decisions} decisions=${status.decisions} />`;
}
