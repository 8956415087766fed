// Health: everything that could cost money or break, in words.
import {useDocument} from "../lib/api.js";
import {html} from "../lib/h.js";
import {list_text, plural} from "../lib/words.js";
import {duration_text} from "../lib/time.js";
import {Money} from "../parts/money.js";
import {FirstRun, WithDocument} from "../parts/states.js";
import {Table} from "../parts/table.js";
import {Time} from "../parts/time.js";

const LEVELS = ["fail", "warn", "ok"];
const commands = (run) => (Array.isArray(run) ? run : run ? [run] : []);

function Checks({document}) {
    const {checks} = document;
    const count = (level) => checks.filter((one) => one.level === level).length;
    const sorted = [...checks].sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
    const bad = [count("fail") && plural(count("fail"), "failure"), count("warn")
        && plural(count("warn"), "warning")].filter(Boolean);
    return html`<p class="lead">${bad.length
        ? html`<b>${list_text(bad)}</b> among ${plural(checks.length, "check")}.` : html`<b
        class="good">All is well:</b> ${plural(checks.length, "check")}, nothing to mend.`}
        ${document.money_hazard && html` <b class="bad">Something may cost money unseen.</b>`}</p>
        <ul class="checks" aria-label="Checks">
            ${sorted.map((one, at) =>
            html`<li key=${at} class=${one.level} data-check=${one.what}>
            <b class="level">${one.level}</b><span class="what">${one.what}</span>
            <span class="text">${one.text}${commands(one.run)
                .map((command) =>
                html`<span class="run" key=${command}>run <code>${command}</code></span>`)}</span>
                </li>`)}</ul>
        ${document.left_out?.length > 0
            && html`<p class="quiet">Not looked at here: ${document.left_out.join("; ")}.</p>`}`;
}

function Prices({prices}) {
    if (prices.length === 0) {
        return html`<${FirstRun} title="No offer has a price."
            command="evenkeel prices">Prices come from the configuration and from the
            providers.<//>`;
    }
    const age = (row) => (row.age_s === null
        ? html`<span class="warn">never seen</span>` : html`<${Time} at=${row.seen} ago />`);
    return html`<${Table} label="Prices" plain
        columns=${[{label: "Price", align: "right"}, {label: "Offer"}, {label: "Model"},
        {label: "Provider"}, {label: "From"}, {label: "Seen", align: "right"},
        {label: "Limit", align: "right"}, {label: ""}]}
        rows=${prices.map((row) => ({key: row.offer + row.model, cells: [
            html`<span class="stack">
                ${row.prices.map((price) =>
                html`<span key=${price.meter}>
                <${Money} amount=${price.amount} currency=${price.currency} per=${`/${price.unit}`}
                figure=${`prices.${row.offer}.${price.meter}`} />${price.meter !== "hour"
                    && html` <span class="dim">${price.meter}</span>`}</span>`)}</span>`,
            html`<b>${row.offer}</b> <span class="dim">${row.what}</span>`, row.model, row.provider,
                row.source, age(row),
            row.age_max_s === null ? "–" : duration_text(row.age_max_s), row.stale
                ? html`<b class="warn">too old</b>` : ""]}))} />`;
}

function Providers({providers}) {
    return providers.length === 0
        ? html`<p class="quiet">None is configured: nothing can be rented.</p>`
        : html`<${Table} label="Providers" plain
            columns=${[{label: "Balance", align: "right"}, {label: "Provider"}, {label: "Driver"},
            {label: "Account"}, {label: "Troubles"}]}
            rows=${providers.map((one) =>
                ({key: one.name,
                cells: [html`<${Money} amount=${one.balance} currency=${one.currency} decimals=${2}
                figure=${`status.providers.${one.name}.balance`} />`,
                html`<b>${one.name}</b>`, one.driver, one.known
                    ? html`<span class="good">answers</span>` : html`<b
                    class="warn">has not answered</b>`,
                one.troubles.length ? one.troubles.join("; ")
                    : html`<span class="dim">none</span>`]}))} />`;
}

export function Health({live}) {
    const health = useDocument("/ui/api/health", 30_000);
    const prices = useDocument("/api/prices", 60_000);
    return html`<${WithDocument} from=${health} what="The checks">
        ${(document) => html`<${Checks} document=${document} />`}<//>
        <section aria-labelledby="h-prices"><h2 id="h-prices">Prices and their age</h2>
            <${WithDocument} from=${prices} what="Prices">${(document) =>
            html`<${Prices} prices=${document.prices} />`}<//></section>
        <section aria-labelledby="h-providers"><h2 id="h-providers">Providers</h2>
            <${Providers} providers=${live.status.providers} /></section>`;
}
