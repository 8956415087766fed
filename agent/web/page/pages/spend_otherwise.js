// What the same work would have cost otherwise, and what own hardware lost in worth meanwhile.
import {useDocument, path_with} from "../lib/api.js";
import {html} from "../lib/h.js";
import {greatest, money_text, nanos, pixels} from "../lib/money.js";
import {Figure} from "../parts/figure.js";
import {Money} from "../parts/money.js";

/// Bars on one scale: [{name, amount: nano-units, kind, figure}].
export function Compare({rows, currency}) {
    const most = pixels(greatest(rows.map((row) => row.amount))) || 1;
    return html`<ol class="compare">${rows.map((row) => html`<li key=${row.name}>
        <span class="amount"><${Money} amount=${row.amount} currency=${currency} figure=${row.figure} /></span><span class="what">${row.name}
        <svg width="100%" height="12" aria-hidden="true"><rect width=${`${Math.max(0, (pixels(row.amount) / most) * 100)}%`} height="12"
            class=${row.kind ? `fill-${row.kind} bar-${row.kind}` : "fill-plain"} /></svg></span></li>`)}</ol>`;
}

export function Otherwise({spend, since}) {
    const {document: savings} = useDocument(path_with("/ui/api/savings", {since}), 60_000);
    const {currency, api_only} = spend;
    if (!api_only) {
        return null;
    }
    const paid = nanos(spend.total.cost);
    const wear = (spend.own?.hardware ?? []).reduce((all, one) => all + nanos(one.wear ?? "0"), 0n);
    const saved = nanos(api_only.saved);
    const rows = [
        {name: `all of it from ${api_only.label}`, amount: nanos(api_only.cost), kind: "api", figure: "spend.api_only.cost"},
        ...(savings?.alternatives ?? []).filter((one) => one.cost != null && one.what !== api_only.label).slice(0, 5).map((one) =>
            ({name: one.what, amount: nanos(one.cost), kind: one.kind ?? ""})),
        {name: wear > 0n ? "what you paid, with the wear of own hardware" : "what you paid", amount: paid + wear, kind: "own"}];
    const finding = saved >= 0n ? `Routing saved ${money_text(saved, currency)} against paying ${api_only.label} for everything.`
        : `It cost ${money_text(-saved, currency)} more than paying ${api_only.label} for everything.`;
    return html`<${Figure} title="What else it would have cost" name="otherwise" finding=${finding}
        data=${{columns: [{label: "way"}, {label: `cost (${currency})`, align: "right"}], rows: rows.map((row) => [row.name, money_text(row.amount, "")])}}>
        <${Compare} rows=${rows} currency=${currency} /><//>`;
}
