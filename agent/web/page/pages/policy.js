// Policy: the text in force, how it came to be, and what another rule would have cost.
import {path_with, useDocument} from "../lib/api.js";
import {html} from "../lib/h.js";
import {money_text, nanos, percent_text, permille} from "../lib/money.js";
import {choose} from "../lib/router.js";
import {count_text, plural} from "../lib/words.js";
import {FileChanges} from "../parts/diff.js";
import {Figure} from "../parts/figure.js";
import {FirstRun, WithDocument} from "../parts/states.js";
import {Time} from "../parts/time.js";
import {Draft} from "./policy_draft.js";
import {Compare} from "./spend_otherwise.js";

function Change({document}) {
    const {files, previous, versions} = document;
    const shown = document.no ?? document.running;
    if (!previous || previous.length === 0) {
        return html`<p class="quiet">Version ${shown} is the first: there is nothing before it to
            compare with.</p>`;
    }
    const author = versions.find((one) => one.no === shown)?.author;
    return html`<section aria-labelledby="p-change">
        <h2 id="p-change">What version ${shown} changed ${author
        && html`<span class="dim">by ${author}</span>`}</h2>
        <${FileChanges} before=${previous} after=${files} /></section>`;
}

function History({document}) {
    const shown = document.no ?? document.running;
    return html`<section aria-labelledby="p-history">
        <h2 id="p-history">History <span class="dim">${plural(document.versions.length,
        "version")}</span></h2>
        <ol class="versions">${document.versions.map((one) =>
            html`<li key=${one.no} title=${`SHA-256 ${one.sha256}`}>
            <button type="button" aria-pressed=${String(one.no === shown)}
            onClick=${() =>
                choose({no: String(one.no)})}>#${one.no}</button> <span>
                <${Time} at=${one.at_us} /> ${one.author
                && html`<b>${one.author}</b>`} ${one.no === document.running
                && html`<b class="good">in force</b>`}</span></li>`)}</ol></section>`;
}

/// A nightly replay of the own traffic: what the rule in force cost beside the others.
export function Replay({rule}) {
    const {replay} = rule;
    if (!replay) {
        return html`<section class="fig"><h2>${rule.scaling}</h2>
            <p class="quiet">Rule <b>${rule.rule}</b> is in force for ${rule.model}. No replay has
            run yet; <code>evenkeel replay --since 30d</code> runs one now.</p></section>`;
    }
    const best = replay.outcomes.find((one) => one.rule === replay.recommended);
    const now = replay.outcomes.find((one) => one.rule === replay.rule);
    const finding = !best || !now
        ? `No rule is recommended: ${replay.note ?? "the replay does not tell them apart"}.`
        : best === now ? `${best.rule}, which is in force, is the best of ${replay.outcomes.length} rules.`
        : `${best.rule} would have cost ${money_text(best.cost.total,
            replay.currency)} instead of ${money_text(now.cost.total, replay.currency)}: ${
            percent_text(
                permille(nanos(now.cost.total) - nanos(best.cost.total),
                nanos(now.cost.total)))} less.`;
    const rows = [...replay.outcomes].sort((a, b) =>
        (nanos(a.cost.total) > nanos(b.cost.total) ? 1 : -1));
    return html`<${Figure} title=${`Rules for ${rule.scaling}`} name=${`replay-${rule.scaling}`}
        finding=${finding}
        note=${html`Replay of ${count_text(replay.requests)} requests until <${Time}
            at=${replay.until} />; queueing is simulated, prices are today's.`}
        data=${{columns: [{label: "rule"}, {label: "own", align: "right"},
            {label: "rented", align: "right"}, {label: "API", align: "right"},
            {label: `total (${replay.currency})`, align: "right"},
                          {label: "J", align: "right"}, {label: "in time", align: "right"},
                              {label: "machines started", align: "right"}],
                rows: rows.map((one) =>
                    [one.rule, one.cost.own, one.cost.rental, one.cost.api, one.cost.total, one.j,
                    percent_text(permille(BigInt(one.within_limit), BigInt(one.requests))),
                    one.machine_starts])}}>
        <${Compare} currency=${replay.currency}
            rows=${rows.map((one) =>
            ({name: `${one.rule}${one === now ? " (in force)" : ""}${one === best ? " (recommended)"
            : ""}`,
            amount: nanos(one.cost.total), kind: one === now ? "own" : ""}))} /><//>`;
}

export function Policy({live, query}) {
    const no = /^\d+$/.test(query.no ?? "") ? query.no : "";
    const from = useDocument(path_with("/ui/api/policy", {no}), 60_000);
    return html`<${Draft} applied=${() => from.reload()} />
        ${live.status.rules.length > 0
        && html`<div class="grid">
        ${live.status.rules.map((rule) => html`<${Replay} key=${rule.scaling} rule=${rule} />`)}
        </div>`}
        <${WithDocument} from=${from} what="The policy">
            ${(document) => document.versions.length === 0
            ? html`<${FirstRun} title="No policy is stored yet."
                command="evenkeel policy check">The files are stored with each change once the
                daemon has read them.<//>`
            : html`<div class="grid lean"><${History} document=${document} />
                <${Change} document=${document} /></div>
                <section aria-labelledby="p-files">
                    <h2 id="p-files">The files of version ${document.no ?? document.running}</h2>
                ${document.files.map((file) =>
                    html`<details class="file" key=${file.name}>
                    <summary>
                    <code>${file.name}</code> <span class="dim">${plural(file.text.split("\n")
                    .length, "line")}</span></summary>
                    <pre tabindex="0" aria-label=${file.name}>${file.text}</pre></details>`)}
                </section>`}<//>`;
}
