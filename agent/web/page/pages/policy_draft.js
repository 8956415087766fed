// The files as they lie on disk: what they would change, what the last plan says of it, and what the
// cases of policy.test.yaml make of them.
import {useDocument} from "../lib/api.js";
import {html} from "../lib/h.js";
import {money_text, nanos} from "../lib/money.js";
import {plural} from "../lib/words.js";
import {Act, useMe} from "../parts/control.js";
import {FileChanges} from "../parts/diff.js";
import {Figure} from "../parts/figure.js";
import {WithDocument} from "../parts/states.js";
import {Time} from "../parts/time.js";
import {Compare} from "./spend_otherwise.js";

const SIGNS = {added: "+", removed: "-", changed: "~"};

function change_text({change, path, before, after}) {
    return `${SIGNS[change]} ${path}  ${change === "added" ? after
        : change === "removed" ? `${before} (removed)` : `${before} → ${after}`}`;
}

const cap_text = ({amount, currency}) => amount === null ? "no limit" : money_text(amount, currency);

/// A day at its worst, before and after, as two bars; in words where one of them has no end.
function Worst({what, name, before, after}) {
    const amounts = cap_text(before) === cap_text(after) ? `${cap_text(after)}, as before`
        : `${cap_text(before)} → ${cap_text(after)}`;
    const finding = `${amounts}${after.why ? `: ${after.why}` : ""}`;
    if (before.amount === null || after.amount === null || before.currency !== after.currency) {
        return html`<section class="fig"><h3>Worst day, ${what}</h3><p>${finding}</p></section>`;
    }
    const sides = [["in force", before, "own"], ["with the plan", after, ""]];
    return html`<${Figure} title=${`Worst day, ${what}`} name=${`worst-${name}`} finding=${finding}
        data=${{columns: [{label: "policy"},
            {label: `a day at most (${after.currency})`, align: "right"}, {label: "why"}],
            rows: sides.map(([side, cap]) => [side, cap.amount, cap.why])}}>
        <${Compare} currency=${after.currency} rows=${sides.map(([side, cap, kind]) =>
            ({name: side, amount: nanos(cap.amount), kind}))} /><//>`;
}

/// What the last days would have cost, under each of the two.
function LookedBack({replay}) {
    if (replay.none !== null) {
        return html`<section class="fig"><h3>Replay</h3><p class="quiet">No replay: ${replay.none}.
            </p></section>`;
    }
    const {before, after} = replay;
    const currency = after.currency ?? before.currency;
    const sides = [["in force", before, "own"], ["with the plan", after, ""]];
    const finding = `${money_text(before.cost.total, currency)} → ${money_text(after.cost.total,
        currency)} over ${plural(replay.requests, "request")}; p95 wait ${
        before.wait_s.p95.toFixed(1)} s → ${after.wait_s.p95.toFixed(1)} s`;
    return html`<${Figure} title="The same requests under each" name="plan-replay" finding=${finding}
        note=${html`Replay of what was asked <${Time} at=${replay.since} /> to <${Time}
            at=${replay.until} />; queueing is simulated, prices are today's.`}
        data=${{columns: [{label: "policy"}, {label: "own", align: "right"},
            {label: "rented", align: "right"}, {label: "API", align: "right"},
            {label: `total (${currency})`, align: "right"}],
            rows: sides.map(([side, one]) =>
                [side, one.cost.own, one.cost.rental, one.cost.api, one.cost.total])}}>
        <${Compare} currency=${currency} rows=${sides.map(([side, one, kind]) =>
            ({name: side, amount: nanos(one.cost.total), kind}))} /><//>`;
}

function Plan({plan, old, done}) {
    const me = useMe();
    const {document, name, outdated} = plan;
    const {rentals, apis} = document.worst_case_per_day;
    const may = me.document?.control && me.document.user && !outdated;
    const heading = html`<h2 id="p-plan">Last plan <code>${name}</code> <span class="dim">of <${Time}
        at=${document.made} /></span></h2>`;
    const body = html`
        <pre class="changes" tabindex="0" aria-label=${`Changes of ${name}`}>${document.changes
            .map((one) => `${change_text(one)}\n`)}</pre>
        <ul>${document.at_once.length === 0 && html`<li>Nothing is started or stopped at once.</li>`}
            ${document.at_once.map((line) => html`<li key=${line}>At once: ${line}</li>`)}
            ${document.at_restart.map((line) =>
                html`<li key=${line}><code>${line}</code> only when the agent is restarted</li>`)}
            ${document.warnings.map((line) => html`<li class="bad" key=${line}>${line}</li>`)}</ul>
        <div class="grid"><${Worst} what="rentals" name="rentals" ...${rentals} />
            <${Worst} what="APIs" name="apis" ...${apis} />
            ${document.replay && html`<${LookedBack} replay=${document.replay} />`}</div>`;
    if (outdated) {
        return html`<section aria-labelledby="p-plan">${heading}
            <details><summary>Nothing to apply: ${outdated}.</summary>${body}</details></section>`;
    }
    return html`<section aria-labelledby="p-plan">${heading}${body}
        ${may ? html`<p><${Act} key=${name} action="apply" name=${name} word="Apply" old=${old}
                confirm=${document.confirm} done=${done}
                explain="The policy of these files comes into force." /></p>`
            : html`<p class="quiet">Next <code>evenkeel policy apply ${name}${
                document.confirm.map((one) => ` --confirm=${one.name}`)}</code></p>`}</section>`;
}

function Findings({check}) {
    if (check.diagnostics.length === 0) {
        return null;
    }
    return html`<ul class="findings">${check.diagnostics.map((one, at) =>
        html`<li key=${at} class=${one.severity === "error" ? "bad" : ""}>
            <code>${one.file}:${one.line}:${one.col}</code> ${one.severity}: ${one.message}
            <span class="dim"> ${one.code}</span></li>`)}</ul>`;
}

function Tests({tests}) {
    if (tests.none !== undefined) {
        return html`<p class="quiet">No cases were tried: ${tests.none}</p>`;
    }
    const {cases, passed, failed} = tests.document;
    const wrong = cases.filter((one) => !one.passed);
    return html`<section aria-labelledby="p-tests">
        <h2 id="p-tests">Cases <span class="dim">of policy.test.yaml, tried on these files</span></h2>
        <p class=${failed ? "bad" : "good"}>${passed} passed, ${failed} failed</p>
        <ul>${wrong.map((one) => html`<li key=${`${one.line} ${one.name}`}>
            <b>${one.name}</b> ${one.told} <span class="dim">line ${one.line}</span></li>`)}</ul>
        ${passed > 0 && html`<details><summary>${plural(passed, "case")} passed</summary>
            <ul>${cases.filter((one) => one.passed).map((one) =>
                html`<li key=${`${one.line} ${one.name}`}>${one.name}</li>`)}</ul></details>`}
        </section>`;
}

function Standing({document}) {
    if (document.unreadable !== null) {
        return html`<p class="bad" role="alert">${document.folder} cannot be read: ${document
            .unreadable}</p>`;
    }
    if (!document.check.ok) {
        return html`<p class="bad" role="alert">The files in <code>${document.folder}</code> are wrong,
            so policy #${document.running} stays in force.</p>`;
    }
    return document.same
        ? html`<p class="quiet">The files in <code>${document.folder}</code> are what is in force.</p>`
        : html`<p>The files in <code>${document.folder}</code> are not what is in
            force. <code>evenkeel policy plan</code> says what they would cost.</p>`;
}

export function Draft({applied}) {
    const from = useDocument("/ui/api/policy/draft", 30_000);
    const done = () => {
        from.reload();
        applied();
    };
    return html`<${WithDocument} from=${from} what="The files on disk">
        ${(document) => html`<section aria-labelledby="p-draft"><h2 id="p-draft">Files on disk</h2>
            <${Standing} document=${document} />
            ${document.check && html`<${Findings} check=${document.check} />`}
            ${document.unreadable === null && !document.same && html`<${FileChanges}
                before=${document.previous} after=${document.files} />`}</section>
            ${document.plan?.none && html`<p class="bad">${document.plan.none}</p>`}
            ${document.plan?.document && html`<${Plan} plan=${document.plan}
                old=${from.error !== null} done=${done} />`}
            ${document.tests && html`<${Tests} tests=${document.tests} />`}`}<//>`;
}
