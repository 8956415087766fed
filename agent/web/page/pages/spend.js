// Spend: what was spent, on what, what of it was wasted, and whether the budget will hold.
import {Shares} from "../charts/shares.js";
import {path_with, useDocument} from "../lib/api.js";
import {html} from "../lib/h.js";
import {exact, money_text, nanos, percent_text, permille} from "../lib/money.js";
import {short_day} from "../lib/time.js";
import {KINDS, count_text, kind_word, line_key, line_name, phase_word,
    short_count} from "../lib/words.js";
import {Choice, range_of} from "../parts/choice.js";
import {Figure} from "../parts/figure.js";
import {Kind, Legend} from "../parts/legend.js";
import {Figured, Money} from "../parts/money.js";
import {FirstRun, WithDocument} from "../parts/states.js";
import {Table} from "../parts/table.js";
import {DayBars, Rank, Sum} from "./spend_charts.js";
import {Idle, Otherwise} from "./spend_otherwise.js";

const GROUPS = [["source", "source"], ["model", "model"], ["key", "key"], ["route", "route"],
    ["provider", "provider"],
                ["machine", "machine"], ["tag", "tag"]];
const SPANS = [["", "this month"], ["7d", "7 days"], ["30d", "30 days"], ["90d", "90 days"],
    ["365d", "a year"]];

function Lead({spend}) {
    const {currency, total} = spend;
    const wasted = nanos(spend.rental.not_serving);
    return html`<p class="lead">
        <b><${Money} amount=${total.cost} currency=${currency} figure="spend.total.cost" />
        </b> from ${
        short_day(spend.first)} to ${short_day(spend.last)} for <${Figured}
            figure="spend.total.requests"
        exact=${total.requests}>${count_text(total.requests)}<//> requests${total.per_mtok !== null
            && html`, <${Money}
        amount=${total.per_mtok} currency=${currency} figure="spend.total.per_mtok" /> a million
            tokens`}.${wasted > 0n && html` Of it <b><${Money} amount=${spend.rental.not_serving}
        currency=${currency} figure="spend.rental.not_serving" /></b> paid for rented machines that
            did not serve.`}${spend.rates.length > 0 &&
        html` <span class="dim">${spend.rates.join(", ")}.</span>`}</p>`;
}

function Lines({spend}) {
    const {currency, total} = spend;
    const charged = spend.by !== "source" && spend.by !== "provider";
    const row = (line, name) =>
        ({key: line_key(line), attributes: {"data-line": line_key(line)}, cells: [
        html`<${Money} amount=${line.cost} currency=${currency} figure=${`spend.${name}.cost`} />`,
        percent_text(permille(nanos(line.cost), nanos(total.cost))),
        line.kind ? html`<${Kind} kind=${line.kind} />` : "", html`<b>${line_name(line)}</b>`,
        count_text(line.requests),
            percent_text(permille(BigInt(line.requests), BigInt(total.requests))),
        short_count(line.tokens_in), short_count(line.tokens_out),
        html`<${Money} amount=${line.per_mtok} currency=${currency}
            figure=${`spend.${name}.per_mtok`} />`,
        ...(charged ? [html`<${Money} amount=${line.charged} currency=${currency}
            figure=${`spend.${name}.charged`} />`] : [])]});
    return html`<${Table} label=${`Spending by ${spend.by}`} plain columns=${[
        {label: "Cost", align: "right"}, {label: "Share", align: "right"}, {label: ""},
            {label: spend.by},
        {label: "Requests", align: "right"}, {label: "Share", align: "right"},
            {label: "Tokens in", align: "right"},
        {label: "Out", align: "right"}, {label: "Per Mtok", align: "right"},
            ...(charged ? [{label: "Charged", align: "right"}] : [])]}
        rows=${spend.lines.map((line) => row(line, `lines.${line_key(line)}`))}
            total=${row(total, "total")} />`;
}

function Pair({spend}) {
    const cost = nanos(spend.total.cost);
    const kinds = KINDS.map((kind) => {
        const lines = spend.lines.filter((line) => line.kind === kind);
        return {kind, requests: lines.reduce((all, line) => all + line.requests, 0),
                cost: lines.reduce((all, line) => all + nanos(line.cost), 0n)};
    }).filter((one) => one.requests > 0 || one.cost > 0n);
    const part = (one, share) => ({kind: one.kind, word: kind_word(one.kind), share});
    const requests = kinds.map((one) =>
        part(one, permille(BigInt(one.requests), BigInt(spend.total.requests))));
    const costs = kinds.map((one) => part(one, permille(one.cost, cost)));
    const most = requests.reduce((best, one) => (one.share > (best?.share ?? -1) ? one : best),
        null);
    const finding = most ? `${kind_word(most.kind)} sources answered ${percent_text(
        most.share)} of the requests for ${
        percent_text(costs.find((one) => one.kind === most.kind)
            .share)} of the cost.` : "Nothing was spent.";
    return html`<${Figure} title="Requests against cost" name="shares"
        finding=${finding[0].toUpperCase() + finding.slice(1)}
        data=${{columns: [{label: "kind"}, {label: "requests", align: "right"},
            {label: `cost (${spend.currency})`, align: "right"}],
                rows: kinds.map((one) => [kind_word(one.kind), one.requests, exact(one.cost)])}}
        legend=${html`<${Legend} kinds=${kinds.map((one) => one.kind)} />`}>
        <${Shares} label="Shares of requests and of cost by kind of source"
            bars=${[{name: "requests", parts: requests}, {name: "cost", parts: costs}]} /><//>`;
}

function Phases({spend}) {
    const {phases, not_serving} = spend.rental;
    if (phases.length === 0) {
        return null;
    }
    const serving = phases.find((one) => one.phase === "serve");
    const finding = `${percent_text(serving?.share_permille
        ?? 0)} of the rented money paid for serving; ${
        money_text(not_serving, spend.currency)} did not.`;
    return html`<${Figure} title="What rented machines were paid for" name="phases"
        finding=${finding}
        data=${{columns: [{label: "phase"}, {label: `cost (${spend.currency})`, align: "right"},
            {label: "share", align: "right"}],
                rows: phases.map((one) =>
                    [phase_word(one.phase), one.cost, percent_text(one.share_permille)])}}>
        <${Shares} label="Rented money by phase"
            bars=${[{name: "rented money by phase", parts: phases.map((one) => ({
            kind: one.phase === "serve" || one.phase === "adjust" ? "rental" : "waste",
                word: phase_word(one.phase), share: one.share_permille}))}]} />
        <ul class="facts">${phases.map((one) =>
            html`<li key=${one.phase}>${phase_word(one.phase)} <b><${Money} amount=${one.cost}
            currency=${spend.currency} figure=${`spend.rental.phases.${one.phase}.cost`} /></b>
                </li>`)}</ul><//>`;
}

export function Spend({live, query}) {
    const by = GROUPS.some(([id]) => id === query.by) ? query.by : "source";
    const since = range_of(query, "");
    const from = useDocument(path_with("/ui/api/spend", {since, by}));
    return html`<div class="choices">
        <${Choice} label="Time" name="since" value=${since} options=${SPANS} />
            <${Choice} label="By" name="by" value=${by} options=${GROUPS} /></div>
        <${WithDocument} from=${from} what="Spending">
            ${(spend) => spend.total.requests === 0 && nanos(spend.total.cost) === 0n
            ? html`<${FirstRun} title="Nothing was spent in this time."
                command="evenkeel keys create me">Every request,
                rented second and kilowatt-hour of the time chosen will stand here.<//>`
            : html`<${Lead} spend=${spend} />
                <div class="grid">
                    <${DayBars} since=${since} />
                    <${Sum} status=${live.status} />
                    <${Rank} spend=${spend} />
                    ${by === "source" && html`<${Pair} spend=${spend} />`}
                    <${Phases} spend=${spend} />
                    <${Idle} since=${since} />
                    <${Otherwise} spend=${spend} since=${since} />
                </div>
                <section aria-labelledby="spend-lines"><h2 id="spend-lines">By ${spend.by}</h2>
                    <${Lines} spend=${spend} /></section>`}<//>`;
}
