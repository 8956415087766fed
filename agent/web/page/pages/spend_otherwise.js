// What the same work would have cost otherwise, and what own hardware lost in worth meanwhile.
import {useDocument, path_with} from "../lib/api.js";
import {html} from "../lib/h.js";
import {exact, greatest, money_text, nanos, pixels} from "../lib/money.js";
import {Figure} from "../parts/figure.js";
import {duration_text} from "../lib/time.js";
import {Money} from "../parts/money.js";
import {Table} from "../parts/table.js";

/// Bars on one scale: [{name, amount: nano-units, kind, figure}].
export function Compare({rows, currency}) {
    const most = pixels(greatest(rows.map((row) => row.amount))) || 1;
    return html`<ol class="compare">${rows.map((row) => html`<li key=${row.name}>
        <span class="amount">
            <${Money} amount=${row.amount} currency=${currency} figure=${row.figure} /></span>
            <span class="what">${row.name}
        <svg width="100%" height="12" aria-hidden="true">
            <rect width=${`${Math.max(0, (pixels(row.amount) / most) * 100)}%`} height="12"
            class=${row.kind ? `fill-${row.kind} bar-${row.kind}` : "fill-plain"} /></svg></span>
                </li>`)}</ol>`;
}

const OTHERS_SHOWN = 6;

/// Where the work would have been done: "claude", "runpod (H100 PCIe)"; * is another model.
const place = (line) => `${line.offer}${line.gpu ? ` (${line.gpu})` : ""}${
    line.tokens_other_model > 0 ? " *" : ""}`;
const figure = (line, name) => `savings.${line.what}.${line.offer}.${name}`;

export function Otherwise({spend, since}) {
    const {document: savings} = useDocument(path_with("/ui/api/savings", {since}), 60_000);
    const {currency, api_only} = spend;
    if (!api_only) {
        return null;
    }
    const paid = nanos(spend.total.cost);
    const wear = (spend.own?.hardware ?? []).reduce((all, one) => all + nanos(one.wear ?? "0"), 0n);
    const saved = nanos(api_only.saved);
    const lines = savings?.lines ?? [];
    // What would have replaced all of the work stands beside the whole; its parts have rows of their own.
    const others = lines.filter((one) => one.what === "all" && one.cost !== api_only.cost)
        .slice(0, OTHERS_SHOWN);
    const parts = lines.filter((one) => one.what !== "all").slice(0, OTHERS_SHOWN);
    const rows = [
        {name: `all of it from ${api_only.label}`, amount: nanos(api_only.cost), kind: "api",
            figure: "spend.api_only.cost"},
        ...others.map((one) => ({name: `all of it at ${place(one)}`, amount: nanos(one.cost),
            kind: one.kind, figure: figure(one, "cost")})),
        {name: wear > 0n ? "what you paid, with the wear of own hardware" : "what you paid",
            amount: paid + wear, kind: "own", figure: "spend.with_wear.cost"}];
    const starred = [...others, ...parts].some((one) => one.tokens_other_model > 0);
    const finding = saved >= 0n
        ? `Routing saved ${money_text(saved,
        currency)} against paying ${api_only.label} for everything.`
        : `It cost ${money_text(-saved,
            currency)} more than paying ${api_only.label} for everything.`;
    return html`<${Figure} title="What else it would have cost" name="otherwise" wide
        finding=${finding} note=${starred ? "* another model than the one that answered" : null}
        data=${{columns: [{label: "way"}, {label: `cost (${currency})`, align: "right"}],
            rows: rows.map((row) => [row.name, exact(row.amount)])}}>
        <${Compare} rows=${rows} currency=${currency} />
        ${parts.length > 0 && html`<${Table} label="Parts of the work elsewhere" dense plain
            columns=${[{label: "Would have been", align: "right"}, {label: "Was", align: "right"},
                {label: "Saved", align: "right"}, {label: "Work"}, {label: "Instead at"}]}
            rows=${parts.map((one) => ({key: `${one.what}/${one.offer}`, cells: [
                ...["cost", "paid", "saved"].map((name) => html`<${Money} amount=${one[name]}
                    currency=${currency} figure=${figure(one, name)} />`),
                one.kind === "rental" ? `rented ${duration_text(one.rented_s)}` : `${one.what} work`,
                place(one)]}))} />`}<//>`;
}

const IDLE_SHOWN = 8;

/// Every paid second without work, by what caused it.
export function Idle({since}) {
    const {document: idle} = useDocument(path_with("/ui/api/idle", {since}), 60_000);
    if (!idle || nanos(idle.total) === 0n) {
        return null;
    }
    const {currency} = idle;
    const totals = [...idle.totals].sort((a, b) => (nanos(b.cost) > nanos(a.cost) ? 1 : -1));
    const finding = `${money_text(idle.total, currency)} was paid while nothing was answered${
        totals[0] ? `; most of it, ${money_text(totals[0].cost,
            currency)}, for this: ${totals[0].words || totals[0].cause}` : ""}.`;
    return html`<${Figure} title="Paid without work" name="idle" finding=${finding}
        note=${totals.length > IDLE_SHOWN
            ? `The first ${IDLE_SHOWN} of ${totals.length} causes.` : null}
        data=${{columns: [{label: "cause"}, {label: "times", align: "right"},
            {label: "seconds", align: "right"}, {label: `cost (${currency})`, align: "right"}],
                rows: totals.map((one) =>
                    [one.words || one.cause, one.count, one.seconds, one.cost])}}>
        <${Compare} currency=${currency} rows=${totals.slice(0, IDLE_SHOWN)
            .map((one) =>
            ({name: `${one.words || one.cause} (${duration_text(one.seconds)})`,
            amount: nanos(one.cost), kind: "waste",
            figure: `idle.${one.cause}.${one.reason}.cost`}))} /><//>`;
}
