// Names with bars, the largest first: long names need horizontal bars.
import {html} from "../lib/h.js";
import {greatest, percent_text, permille, pixels} from "../lib/money.js";
import {Money} from "../parts/money.js";

/// rows: [{key, name, kind, amount: nano-units, under, figure}]; currency for all.
export function Ranked({rows, currency}) {
    const most = pixels(greatest(rows.map((row) => row.amount))) || 1;
    const all = rows.reduce((sum, row) => sum + row.amount, 0n);
    const sorted = [...rows].sort((a, b) =>
        (b.amount > a.amount ? 1 : b.amount < a.amount ? -1 : 0));
    return html`<ol class="ranked">${sorted.map((row) => html`<li key=${row.key}>
        <span class="amount">
            <${Money} amount=${row.amount} currency=${currency} figure=${row.figure} /></span>
        <span class="share">${percent_text(permille(row.amount, all))}</span>
        <span class="what">
            <span><span class="name">${row.name}</span> <span class="dim">${row.under}</span></span>
            <svg width="100%" height="9" aria-hidden="true">
                <rect width=${`${Math.max(0, (pixels(row.amount) / most) * 100)}%`}
                height="9" rx="1.5" class=${row.kind
                    ? `fill-${row.kind} bar-${row.kind}` : "fill-plain"} /></svg></span></li>`)}
                    </ol>`;
}
