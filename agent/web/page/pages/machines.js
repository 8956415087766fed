// Machines: the life of each paid machine, and what of it was worth its money.
import {Timeline, parts_of} from "../charts/timeline.js";
import {Shares} from "../charts/shares.js";
import {path_with, useDocument} from "../lib/api.js";
import {html} from "../lib/h.js";
import {exact, money_text, nanos, percent_text, permille} from "../lib/money.js";
import {date_of, duration_text, utc_text} from "../lib/time.js";
import {count_text, phase_word, plural} from "../lib/words.js";
import {Choice, RANGES, range_of} from "../parts/choice.js";
import {Act, useMe} from "../parts/control.js";
import {Figure} from "../parts/figure.js";
import {Life} from "../parts/life.js";
import {Money} from "../parts/money.js";
import {FirstRun, WithDocument} from "../parts/states.js";
import {Table} from "../parts/table.js";
import {Time} from "../parts/time.js";

const DRAWN_MAX = 120;

function LifeLegend() {
    const mark = (fill, word) =>
        html`<li key=${word}>
        <svg class="swatch" width="16" height="12" viewBox="0 0 16 12" aria-hidden="true">
        <rect x="0.5" y=${fill === "none" ? 3 : 0.5} width="15" height=${fill === "none" ? 6
            : 11} class=${`phase phase-${fill}`} /></svg>${word}</li>`;
    return html`<ul class="legend">
        ${[["none", "wanted, creating; being proved gone (unpaid)"],
        ["waste", "booting, warming, deleting, unused minimum"],
        ["rental-busy", "serving"], ["rental-idle", "idle"],
            ["rental", "draining"]].map(([fill, word]) => mark(fill, word))}</ul>`;
}

function Clock({document}) {
    const now_us = document.now_us ?? Date.now() * 1000;
    const machines = document.machines.slice(0, DRAWN_MAX);
    const from = Math.min(...machines.map((one) => one.created_us));
    const living = document.machines.filter((one) => one.gone_us === null).length;
    const longest = machines.reduce((best, one) => {
        const life = (one.gone_us ?? now_us) - one.created_us;
        return life > best.life ? {life, name: one.name} : best;
    }, {life: 0, name: ""});
    const finding = `${plural(document.machines.length,
        "machine")}, ${living} alive. The longest life was ${duration_text(
        longest.life / 1e6)} (${longest.name}).`;
    return html`<${Figure} title="Lives on one clock" name="timeline" wide finding=${finding}
        legend=${html`<${LifeLegend} />`}
        note=${document.machines.length > DRAWN_MAX
            ? `The newest ${DRAWN_MAX} of ${count_text(
            document.machines.length)}; all stand in the table below.` : null}
        data=${{columns: [{label: "machine"}, {label: "what"}, {label: "from"}, {label: "to"},
            {label: "seconds", align: "right"}, {label: "billed", align: "right"},
            {label: "currency"}],
                rows: document.machines.flatMap((machine) => parts_of(machine, now_us)
                    .map((part) => [machine.name, part.word, utc_text(date_of(part.from)),
                    utc_text(date_of(part.to)), Math.round((part.to - part.from) / 1e6), part.billed
                        ?? "", machine.currency]))}}>
        <${Timeline} machines=${machines} from=${from} now_us=${now_us} /><//>`;
}

const ORDER = ["serve", "idle", "boot", "warm", "drain", "delete", "minimum"];

/// Paid time of all machines by phase, in seconds.
function PaidTime({document}) {
    const now_us = document.now_us ?? Date.now() * 1000;
    const times = new Map();
    for (const phase of document.machines.flatMap((machine) => machine.phases)) {
        times.set(phase.phase, (times.get(phase.phase) ?? 0)
            + Math.max(0, (phase.to_us ?? now_us) - phase.from_us));
    }
    const all = [...times.values()].reduce((sum, one) => sum + one, 0);
    if (all === 0) {
        return null;
    }
    const parts = ORDER.filter((phase) => times.get(phase)).map((phase) => ({
        kind: phase === "serve" ? "rental" : "waste", word: phase_word(phase),
            share: permille(BigInt(Math.round(times.get(phase))), BigInt(Math.round(all)))}));
    const serving = parts.find((one) => one.kind === "rental")?.share ?? 0;
    return html`<${Figure} title="Paid time by phase" name="paid-time"
        finding=${`${percent_text(serving)} of ${duration_text(
        all / 1e6)} of paid time went into serving.`}
        data=${{columns: [{label: "phase"}, {label: "seconds", align: "right"}],
            rows: ORDER.filter((phase) => times.get(phase))
            .map((phase) => [phase_word(phase), Math.round(times.get(phase) / 1e6)])}}>
        <${Shares} label="Paid time by phase" bars=${[{name: "paid time", parts}]} />
        <ul class="facts">${ORDER.filter((phase) => times.get(phase))
            .map((phase) =>
            html`<li key=${phase}>
            ${phase_word(phase)} <b>${duration_text(times.get(phase) / 1e6)}</b></li>`)}</ul><//>`;
}

function PaidMoney({document}) {
    const currencies = [...new Set(document.machines.map((one) => one.currency).filter(Boolean))];
    const rows = currencies.map((currency) => {
        const of = document.machines.filter((one) => one.currency === currency);
        const served = of.flatMap((one) => one.phases)
            .reduce((all, one) => all + (one.phase === "serve" ? nanos(one.billed) : 0n), 0n);
        return {currency, paid: of.reduce((all, one) => all + nanos(one.paid), 0n), served};
    });
    return html`<p class="lead">
        ${rows.map((row) =>
        html`<b><${Money} amount=${row.paid} currency=${row.currency}
            figure=${`machines.paid.${row.currency}`} /></b> was paid for these
        machines, ${money_text(row.served, row.currency)} of it
        (${percent_text(permille(row.served, row.paid))}) while they served. `)}</p>`;
}

function Strays({status}) {
    const rows = status.unknown;
    return rows.length === 0 ? null
        : html`<section aria-labelledby="m-strays">
        <h2 id="m-strays">At a provider, but in no row of ours</h2>
        <${Table} label="Unknown machines" plain columns=${[{label: "Rate", align: "right"},
            {label: "Paid, about", align: "right"}, {label: "Provider"}, {label: "Id"},
            {label: "What"}, {label: "Ours?"}, {label: "Ends"}]}
            rows=${rows.map((one) => ({key: one.provider + one.remote_id, cells: [
                html`<${Money} amount=${one.rate} currency=${one.currency} per="/h" />`,
                    html`<${Money} amount=${one.paid_estimate} currency=${one.currency}
                    estimate />`,
                one.provider, html`<b>${one.remote_id}</b>`, `${one.name} ${one.gpu}`, one.ours
                    ? html`<b class="bad">carries our mark</b>` : "not ours", one.ends]}))} />
                    </section>`;
}

function All({document, live, old}) {
    const me = useMe();
    const acts = me.document?.control && me.document.user;
    const states = new Map((live.nodes?.machines ?? []).map((one) => [one.id, one.state]));
    return html`<section aria-labelledby="m-all"><h2 id="m-all">Every machine</h2>
        <${Table} label="Every machine" plain columns=${[
        {label: "Paid", align: "right"}, {label: "Rate", align: "right"}, {label: "Name"},
            {label: "What"}, {label: "State"}, {label: "Useful", align: "right"},
        {label: "Life", align: "right"}, {label: "Wanted"}, {label: "Gone"},
            ...(acts ? [{label: "Act"}] : [])]}
        rows=${document.machines.map((one) =>
            ({key: one.id, attributes: {"data-machine": one.id}, class: one.gone_us === null
            ? undefined : "past", cells: [
            html`<${Money} amount=${one.paid} currency=${one.currency}
                figure=${`machines.${one.id}.paid`} />`,
            one.rate ? html`<${Money} amount=${one.rate} currency=${one.currency} decimals=${2}
                per="/h" />` : "–", html`<b>${one.name}</b>`,
            html`${one.gpu}${one.synthetic ? " (synthetic)" : ""} <span class="dim">${one.provider}
                </span>`, html`<${Life} state=${states.get(one.id) ?? one.state} />`,
            one.useful_permille === null ? "–" : percent_text(one.useful_permille),
            duration_text(
                ((one.gone_us ?? document.now_us ?? Date.now() * 1000) - one.created_us) / 1e6),
                html`<${Time} at=${one.created_us} />`,
            one.gone_us === null ? "" : html`<${Time} at=${one.gone_us} /> ${one.gone_how}`,
            ...(acts ? [one.gone_us === null
                ? html`<${Act} action="drain" name=${one.name} id=${one.id} old=${old} word="Drain"
                explain="It finishes its requests and is destroyed." />
                <${Act} action="destroy" name=${one.name} id=${one.id} old=${old} word="Destroy"
                    explain="Its requests are cut and it is destroyed." />` : ""] : [])]}))} />
        ${document.left_out > 0
            && html`<p class="quiet">
            ${count_text(document.left_out)} older ones are left out; choose a shorter time
            or <code>evenkeel nodes</code>.</p>`}</section>`;
}

export function Machines({live, query}) {
    const since = range_of(query, "30d");
    const from = useDocument(path_with("/ui/api/machines", {since}), 10_000);
    return html`<div class="choices">
        <${Choice} label="Time" name="since" value=${since} options=${RANGES} /></div>
        <${Strays} status=${live.status} />
        <${WithDocument} from=${from} what="The machines">
            ${(document) => document.machines.length === 0
            ? html`<${FirstRun} title="No machine was rented in this time."
                command="evenkeel prices">When a burst makes renting cheaper than waiting or an API,
                a machine's whole life stands here.<//>`
            : html`<${PaidMoney} document=${document} />
                <div class="grid"><${Clock} document=${document} />
                <${PaidTime} document=${document} /><${PerMachine} document=${document} /></div>
                <${All} document=${document} live=${live} old=${from.error !== null} />`}<//>`;
}

/// Useful share of each machine's money: the worst first.
function PerMachine({document}) {
    const rows = document.machines.filter((one) => one.useful_permille !== null
        && nanos(one.paid) > 0n)
        .sort((a, b) => a.useful_permille - b.useful_permille).slice(0, 8);
    if (rows.length === 0) {
        return null;
    }
    return html`<${Figure} title="Least useful money" name="least-useful"
        finding=${`${rows[0].name} was the least useful: ${percent_text(
        rows[0].useful_permille)} of ${money_text(rows[0].paid,
        rows[0].currency)} paid for serving.`}
        data=${{columns: [{label: "machine"}, {label: "paid", align: "right"}, {label: "currency"},
            {label: "useful", align: "right"}],
                rows: rows.map((one) =>
                    [one.machine ?? one.name, exact(nanos(one.paid)), one.currency,
                    percent_text(one.useful_permille)])}}>
        <ol class="compare">${rows.map((one) =>
            html`<li key=${one.id}>
            <span class="amount"><${Money} amount=${one.paid} currency=${one.currency}
                figure=${`machines.${one.id}.paid`} /></span>
            <span class="what">
                <span>${one.name} <span class="dim">${percent_text(
                one.useful_permille)} useful</span></span>
            <svg width="100%" height="10" aria-hidden="true">
                <rect width="100%" height="10" class="fill-waste bar-waste" />
                <rect width=${`${one.useful_permille / 10}%`} height="10"
                class="phase-rental-busy" /></svg></span></li>`)}</ol><//>`;
}
