// The lists of the page Now: warnings, rented machines, requests in flight, decisions.
import {alerts_of} from "../lib/alerts.js";
import {useDocument} from "../lib/api.js";
import {html} from "../lib/h.js";
import {count_text} from "../lib/words.js";
import {duration_text} from "../lib/time.js";
import {hash_of} from "../lib/router.js";
import {Life} from "../parts/life.js";
import {Money} from "../parts/money.js";
import {WithDocument} from "../parts/states.js";
import {Table} from "../parts/table.js";
import {Time} from "../parts/time.js";

export function Warnings({status}) {
    const lines = alerts_of(status);
    return lines.length === 0 ? null : html`<ul class="alerts" aria-label="Warnings">
        ${lines.map(([level, word, text]) =>
            html`<li class=${level} key=${text}><b>${word}</b> ${text}</li>`)}</ul>`;
}

const GONE_SHOWN = 5;

/// The machines that live, and the last that went, newest first.
export function Rentals({live}) {
    const machines = live.nodes?.machines ?? live.status.machines;
    const living = machines.filter((one) => one.state !== "gone");
    const gone = machines.filter((one) => one.state === "gone");
    const rows = [...living, ...gone.slice(0, GONE_SHOWN)];
    if (rows.length === 0) {
        return html`<section aria-labelledby="now-rentals"><h2 id="now-rentals">Rented machines</h2>
            <p class="quiet">None lives, and none went in the last day.</p></section>`;
    }
    return html`<section aria-labelledby="now-rentals">
        <h2 id="now-rentals">Rented machines <span class="dim">${
        `${count_text(living.length)} alive`}${gone.length > GONE_SHOWN
            ? ` · ${count_text(gone.length)} went in the last day` : ""}</span></h2>
        <${Table} label="Rented machines" plain columns=${[
            {label: "Paid", align: "right"}, {label: "Rate", align: "right"}, {label: "Name"},
                {label: "What"},
            {label: "State"}, {label: "In it", align: "right"}, {label: "Age", align: "right"},
            {label: "Useful", align: "right"}, {label: "Ends"}]}
            rows=${rows.map((one) => ({
                key: one.id, class: one.state === "gone" ? "past" : undefined,
                    attributes: {"data-machine": one.id}, cells: [
                    html`<${Money} amount=${one.paid} currency=${one.currency}
                        figure=${`nodes.machines.${one.id}.paid`} />`,
                    html`<${Money} amount=${one.rate} currency=${one.currency} decimals=${2}
                        per="/h" figure=${`nodes.machines.${one.id}.rate`} />`,
                    html`<b>${one.name}</b>`,
                    html`${one.gpu}${one.synthetic && !one.gpu.includes("synthetic")
                        ? " (synthetic)" : ""} <span class="dim">${one.provider}</span>`,
                    html`<${Life} state=${one.state} />`,
                    one.state === "gone" ? "" : duration_text(one.state_for_s),
                        duration_text(one.age_s),
                    one.useful_percent === null ? "–" : `${one.useful_percent} %`,
                    one.state === "gone"
                        ? html`${one.gone_how}${one.reason
                        ? `: ${one.reason}` : ""}` : one.ends]}))} />
        <p class="more"><a href=${hash_of("machines")}>Every machine's life</a></p></section>`;
}

const REQUESTS_SHOWN = 12;

export function InFlight() {
    const from = useDocument("/api/requests", 3_000);
    return html`<section aria-labelledby="now-requests">
        <h2 id="now-requests">Requests in flight</h2>
        <${WithDocument} from=${from} what="Requests in flight">${({requests}) =>
            requests.length === 0
            ? html`<p class="quiet">None at this moment.</p>`
            : html`<${Table} label="Requests in flight" plain dense columns=${[
                {label: "Cost", align: "right"}, {label: "Key"}, {label: "Model"},
                    {label: "Source"},
                {label: "Wait", align: "right"}, {label: "Age", align: "right"},
                    {label: "Tokens out", align: "right"}, {label: "Request"}]}
                rows=${requests.slice(0, REQUESTS_SHOWN).map((one) => ({key: one.id, cells: [
                    one.cost === null
                        ? html`<span class="dim">–</span>` : html`<${Money} amount=${one.cost}
                        currency=${one.currency} />`,
                    one.key, one.model, one.source || html`<span class="dim">queued</span>`,
                        duration_text(one.wait_s),
                    duration_text(one.age_s), count_text(one.tokens_out),
                        html`<code>${one.id}</code>`]}))} />
                ${requests.length > REQUESTS_SHOWN
                    && html`<p
                    class="quiet">and ${count_text(requests.length - REQUESTS_SHOWN)} more</p>`}`}
                    <//></section>`;
}

export function Decisions({decisions}) {
    return html`<section aria-labelledby="now-decisions"><h2 id="now-decisions">Last decisions</h2>
        ${decisions.length === 0
            ? html`<p class="quiet">None yet. What is rented or released is said here, with its
            reason.</p>`
            : html`<ol class="decisions">
                ${decisions.slice(0, 10).map((one) => html`<li key=${one.at + one.subject}>
                <${Time} at=${one.at} /> <b>${one.what}</b> <span class="dim">${one.subject}
                    </span> ${one.sentence}</li>`)}</ol>`}</section>`;
}
