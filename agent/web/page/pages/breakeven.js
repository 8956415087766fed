// Break-even: buy, rent, reserve or pay by the token, with every assumption in sight.
import {Months} from "../charts/months.js";
import {Tornado} from "../charts/tornado.js";
import {path_with, useDocument} from "../lib/api.js";
import {html, useState} from "../lib/h.js";
import {divide, grouped, nanos, money_text} from "../lib/money.js";
import {choose} from "../lib/router.js";
import {list_text} from "../lib/words.js";
import {Figure} from "../parts/figure.js";
import {Kind} from "../parts/legend.js";
import {Money} from "../parts/money.js";
import {FirstRun, WithDocument} from "../parts/states.js";
import {Table} from "../parts/table.js";
import {Time} from "../parts/time.js";
import {UseGrid} from "./breakeven_grid.js";

const FIELDS = [["machine", "Machine", "the first with a price"], ["use", "Use", "30%"],
    ["price", "Price", "8300 AUD"],
                ["residual", "Resale", "35%"], ["in_mtok", "Mtok in a month", "measured"],
                    ["out_mtok", "Mtok out a month", "measured"]];
const UNIT = 1_000_000_000n;

function Assumptions({query}) {
    const [values, setValues] =
        useState(() => Object.fromEntries(FIELDS.map(([name]) => [name, query[name] ?? ""])));
    const send = (event) => {
        event.preventDefault();
        choose(values);
    };
    return html`<form class="fields" onSubmit=${send} aria-label="Assumptions">
        ${FIELDS.map(([name, word, hint]) =>
            html`<label key=${name}>${word}
            <input name=${name} value=${values[name]} placeholder=${hint}
            autocomplete="off" onInput=${(event) =>
                setValues({...values, [name]: event.target.value})} /></label>`)}
        <button type="submit">Compare</button>
        <button type="button" onClick=${() => {
            const none = Object.fromEntries(FIELDS.map(([name]) => [name, ""]));
            setValues(none);
            choose(none);
        }}>As configured</button></form>`;
}

/// The machine's price less its resale, in the report's currency; null without a rate.
function own_start({machine, currency, rates}) {
    const net = divide(nanos(machine.price) * (UNIT - nanos(machine.residual)), UNIT);
    if (machine.currency === currency) {
        return net;
    }
    const rate = rates.find((one) => one.from === machine.currency && one.to === currency);
    return rate ? divide(net * nanos(rate.rate), UNIT) : null;
}

const months_word = (row) => (row.months !== null ? `${grouped(row.months)} months` : row.status);
/// The best first; what never pays last.
const by_months = (a, b) => Number(a.months ?? Infinity) - Number(b.months ?? Infinity);

function Crossings({document}) {
    const {currency, horizon_months: horizon} = document;
    const start = own_start(document);
    const rows = [...document.rows].sort(by_months);
    const pays = rows.filter((row) => row.months !== null && Number(row.months) <= horizon);
    const finding = pays.length === 0
        ? `In ${horizon} months the machine pays for itself against none of these.`
        : `The machine pays for itself first against ${pays[0].instead_of}: after ${pays[
            0].months} months${
            pays.length > 1
                ? `; against ${pays.length} of ${rows.length} within ${horizon} months` : ""}.`;
    if (start === null || document.power_per_month === null) {
        return null;
    }
    return html`<${Figure} title="Cost over time" name="crossings" wide finding=${finding}
        note=${`Buying starts at ${money_text(start, currency,
            2)} (price less resale) and grows by its power, ${
            money_text(document.power_per_month, currency,
                2)} a month; the others by what they cost a month. A ring marks each crossing.`}
        data=${{columns: [{label: "instead of"}, {label: `a month (${currency})`, align: "right"},
            {label: "months", align: "right"}],
                rows: [[`buying ${document.machine.name}`, document.power_per_month, ""],
                    ...rows.map((row) =>
                    [row.instead_of, row.per_month, row.months ?? row.status])]}}>
        <${Months} currency=${currency} horizon=${horizon}
            own=${{word: `buying ${document.machine.name}`, start,
            monthly: nanos(document.power_per_month)}}
            others=${rows.map((row) =>
                ({word: row.instead_of, kind: row.kind === "rent" ? "rental" : "api",
                monthly: nanos(row.per_month),
                                         months: row.months === null ? null
                                             : Number(row.months)}))} /><//>`;
}

function Swings({document}) {
    const base = document.rows.find((row) => row.instead_of === document.swings_of);
    if (!base || base.months === null || document.swings.length === 0) {
        return null;
    }
    const number = (text) => (text === null ? null : Number(text));
    const rows = document.swings.map((one) =>
        ({...one, low_months: number(one.low_months), high_months: number(one.high_months)}));
    const reach = (row) => Math.abs((row.low_months ?? 1e6) - (row.high_months ?? 1e6));
    rows.sort((a, b) => reach(b) - reach(a));
    const months = (value) => (value === null ? "never" : `${value} months`);
    return html`<${Figure} title="What matters most" name="tornado"
        finding=${`Check ${rows[
            0].what} first: against ${base.instead_of} it moves the answer from ${months(
            rows[0].low_months)} (at ${rows[0].low}) to ${months(rows[0].high_months)} (at ${rows[
            0].high}).`}
        note="One assumption at a time moves to both sides; the rest stays."
        data=${{columns: [{label: "assumption"}, {label: "from"}, {label: "months", align: "right"},
            {label: "to"}, {label: "months", align: "right"}],
                rows: document.swings.map((one) =>
                    [one.what, one.low, one.low_months ?? "never", one.high, one.high_months
                    ?? "never"])}}>
        <${Tornado} base=${Number(base.months)} rows=${rows} /><//>`;
}

function Alternatives({document}) {
    const {currency} = document;
    return html`<section aria-labelledby="be-rows"><h2 id="be-rows">Instead of buying</h2>
        <${Table} label="Alternatives" plain columns=${[{label: "Per month", align: "right"},
            {label: "Break-even", align: "right"},
            {label: ""}, {label: "Instead of"}, {label: "Price seen"}, {label: "Age"}]}
            rows=${document.rows.map((row) => ({key: row.instead_of, cells: [
                html`<${Money} amount=${row.per_month} currency=${currency} decimals=${2}
                    figure=${`breakeven.rows.${row.instead_of}.per_month`} />`,
                html`<span data-figure=${`breakeven.rows.${row.instead_of}.months`}
                    data-exact=${row.months ?? row.status}>${months_word(row)}</span>`,
                html`<${Kind} kind=${row.kind === "rent" ? "rental" : "api"} />`,
                    html`<b>${row.instead_of}</b>`,
                    html`<${Time} at=${row.price_seen} form="day" />`,
                html`<${Time} at=${row.price_seen} ago />
                    ${row.stale ? html`<b class="warn"> too old to rent at</b>` : ""}`]}))} />
                    </section>`;
}

function Contracts({document}) {
    const lines = document.reserved.map((one) =>
        `A reservation of ${one.what} at ${one.rate} against ${one.against} at ${one.list_rate} ${
        one.currency} an hour ${one.percent === null ? one.status
            : `pays above ${one.percent} % use (${one.hours_a_month} h a month)`}.`);
    const [first, second] = document.over_horizon;
    if (first) {
        lines.push(`Over ${document.horizon_months} months the cheapest is ${first.what}: ${money_text(first.cost, document.currency, 2)}${
            second ? `; next is ${second.what}: ${money_text(second.cost, document.currency,
                2)}` : ""}.`);
    }
    return html`<ul class="plain">
        ${[...lines, ...document.notes].map((text) => html`<li key=${text}>${text}</li>`)}</ul>`;
}

function Lead({document}) {
    const {machine, currency, tokens} = document;
    const facts = [`${document.hours_per_month} h a month`,
        `${document.tariff_per_kwh} ${document.tariff_currency}/kWh`,
                   `use ${Number((Number(document.use) * 100)
                       .toFixed(2))} % (${document.use_from})`,
                   ...document.rates.map((rate) =>
                       `1 ${rate.from} = ${Number(rate.rate)} ${rate.to}`),
                   ...(tokens
                       ? [`${tokens.in_mtok} Mtok in and ${tokens.out_mtok} out a month (${tokens.from})`] : [])];
    return html`<p class="lead">${machine
        ? html`Own machine <b>${machine.name}</b> for <b>
        <${Money} amount=${machine.price} currency=${machine.currency} decimals=${2} /></b>:
        power <b><${Money} amount=${document.power_per_month} currency=${currency} decimals=${2}
        figure="breakeven.power_per_month" /></b> a
            month${document.wear_per_month !== null
            && html`, wear <${Money} amount=${document.wear_per_month} currency=${currency}
            decimals=${2} />`}.`
        : "No own machine with a price is configured."} <span class="dim">
            ${list_text(facts)}.</span></p>`;
}

/// In the report's currency: another needs a rate.
const example = (currency) =>
    `evenkeel breakeven --price "8300 ${currency}" --in-mtok 76 --out-mtok 29`;

function Compared({document, asked}) {
    if (document.rows.length === 0) {
        return html`<${FirstRun} title="There is nothing to compare yet."
            command=${example(document.currency)}>${
            [...document.notes, "It needs own hardware with a price, and offers with prices."].join(" ")}<//>`;
    }
    return html`<${Lead} document=${document} />
        <div class="grid">${document.machine
            && html`<${Crossings} document=${document} /><${Swings} document=${document} />
            <${UseGrid} document=${document} asked=${asked} />`}</div>
        <${Alternatives} document=${document} /><${Contracts} document=${document} />`;
}

export function Breakeven({live, query}) {
    const asked = Object.fromEntries(FIELDS.map(([name]) => [name, query[name] ?? ""]));
    const from = useDocument(path_with("/ui/api/breakeven", asked), 120_000);
    // Nothing was asked, and nothing is configured to begin with: no mistake, but a first step.
    const nothing_known = from.error?.status === 400 && Object.values(asked).every((one) => !one);
    return html`<${Assumptions} query=${query} />
        ${nothing_known ? html`<${FirstRun} title="The comparison needs a price to begin with."
                command=${example(live.status.spend.currency)}>${from.error.message}<//>`
            : html`<${WithDocument} from=${from} what="The comparison">${(document) =>
                html`<${Compared} document=${document} asked=${asked} />`}<//>`}`;
}
