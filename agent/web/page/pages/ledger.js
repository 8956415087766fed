// Ledger: its rows, whether they are whole, and how they agree with the providers' bills.
import {path_with, read, useDocument} from "../lib/api.js";
import {html, useEffect, useState} from "../lib/h.js";
import {nanos} from "../lib/money.js";
import {choose} from "../lib/router.js";
import {count_text} from "../lib/words.js";
import {Money} from "../parts/money.js";
import {Failed, FirstRun, WithDocument} from "../parts/states.js";
import {Time} from "../parts/time.js";
import {Bills} from "./ledger_bills.js";
import {Verify} from "./ledger_verify.js";

const FIELDS = [["account", "Account", "expense:rental"], ["kind", "Kind", "any"],
    ["ref", "Of", "req_…, machine"], ["since", "Since", "30d"], ["until", "Until", "2026-11-30"]];
const KINDS = ["", "request", "lapse", "phase", "adjust", "power"];

function Filter({query}) {
    const [values, setValues] =
        useState(() => Object.fromEntries(FIELDS.map(([name]) => [name, query[name] ?? ""])));
    const set = (name) => (event) => setValues({...values, [name]: event.target.value});
    return html`<form class="fields" aria-label="Filter of rows" onSubmit=${(event) => {
        event.preventDefault();
        choose(values);
    }}>${FIELDS.map(([name, word, hint]) => html`<label key=${name}>${word}${name === "kind"
        ? html`<select value=${values.kind} onChange=${set("kind")}>
            ${KINDS.map((kind) =>
            html`<option key=${kind} value=${kind}>${kind || "any"}</option>`)}</select>`
        : html`<input value=${values[name]} placeholder=${hint} autocomplete="off"
            onInput=${set(name)} />`}</label>`)}
        <button type="submit">Show</button></form>`;
}

function Rows({transactions}) {
    return html`<div class="scroll" role="region" tabindex="0" aria-label="Transactions">
        <table class="dense ledger">
        <caption class="unseen">Transactions and their postings</caption>
        <thead><tr><th scope="col" class="right">Amount</th><th scope="col">Account</th>
            <th scope="col">Kind</th><th scope="col">Of</th><th scope="col">When</th>
            <th scope="col">Day</th><th scope="col">Hash</th></tr></thead>
        ${transactions.map((tx) =>
            html`<tbody key=${tx.id} data-tx=${tx.id}>
            ${tx.postings.map((posting, at) => html`<tr key=${at}>
            <td class=${`right${nanos(posting.amount) < 0n ? " dim" : ""}`}>
                <${Money} amount=${posting.amount} currency=${posting.currency}
                figure=${`ledger.${tx.id}.${at}.amount`} /></td>
            <td><code>${posting.account}</code></td>
            ${at === 0 && html`<th scope="row" rowspan=${tx.postings.length}>${tx.kind}${tx.corrects
                && html` <span class="dim">corrects ${tx.corrects}</span>`}</th>
                <td rowspan=${tx.postings.length}><code>${tx.ref || "–"}</code></td>
                <td rowspan=${tx.postings.length}><${Time} at=${tx.at} /></td>
                    <td rowspan=${tx.postings.length}>${tx.day}</td>
                    <td rowspan=${tx.postings.length}>
                    <code title=${tx.hash}>${tx.hash.slice(0, 10)}</code></td>`}</tr>`)}</tbody>`)}
    </table></div>`;
}

function Pages({first, asked}) {
    const [more, setMore] = useState([]);
    const [state, setState] = useState(null);
    useEffect(() => setMore([]), [first]);
    const next = more.length ? more[more.length - 1].next : first.next;
    const load = async () => {
        setState("loading");
        try {
            const page = await read(path_with("/ui/api/ledger", {...asked, before: next}));
            setMore([...more, page]);
            setState(null);
        } catch (error) {
            setState(error);
        }
    };
    const all = [first, ...more].flatMap((page) => page.transactions);
    return html`<${Rows} transactions=${all} />
        <p class="more">${count_text(all.length)} transactions shown${next
            ? html`. <button type="button" disabled=${state === "loading"}
            onClick=${load}>Older ones</button>` : ", no older ones."}</p>
        ${state instanceof Error
            && html`<${Failed} what="Older rows" error=${state} reload=${load} />`}`;
}

export function Ledger({live, query}) {
    const asked = {...Object.fromEntries(FIELDS.map(([name]) => [name, query[name] ?? ""])),
        limit: "25"};
    const from = useDocument(path_with("/ui/api/ledger", asked), 60_000);
    const filtered = FIELDS.some(([name]) => query[name]);
    return html`<${Verify} />
        <${Bills} query=${query} />
        <section aria-labelledby="l-rows">
            <h2 id="l-rows">Rows <span class="dim">the newest first; ${live.status.ledger.path}
            </span></h2><${Filter} query=${query} />
        <${WithDocument} from=${from} what="The ledger's rows">${(document) =>
            document.transactions.length === 0
            ? html`<${FirstRun} title=${filtered ? "No row is like that."
                : "The ledger has no rows yet."} command=${filtered ? null : "evenkeel status"}>${
                filtered ? "Choose less."
                    : "Every paid request, machine phase and kilowatt-hour becomes a row that is never changed."}<//>`
            : html`<${Pages} first=${document} asked=${asked} />`}<//></section>`;
}
