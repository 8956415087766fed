// Counts and costs by two names: exact numbers, shaded by their size.
import {html} from "../lib/h.js";
import {Money} from "../parts/money.js";
import {Swatch} from "../parts/legend.js";
import {count_text} from "../lib/words.js";

const level = (share) => (share >= 0.5 ? "hot-4" : share >= 0.25 ? "hot-3" : share >= 0.1 ? "hot-2"
    : share > 0 ? "hot-1" : "");

/// columns: [{key, name, kind}]; rows: [{key, name, cells: Map of column key to {requests, cost, figure}}].
export function Matrix({label, columns, rows, currency}) {
    const most = Math.max(1,
        ...rows.flatMap((row) => [...row.cells.values()].map((cell) => cell.requests)));
    return html`<div class="scroll" role="region" tabindex="0" aria-label=${label}>
        <table class="heat matrix"><caption class="unseen">${label}</caption>
        <thead><tr><th scope="col">route</th>${columns.map((one) =>
            html`<th scope="col" class="right" key=${one.key}><span class="kind">${one.kind
            && html`<${Swatch} kind=${one.kind} />`}${one.name}</span></th>`)}</tr></thead>
        <tbody>${rows.map((row) =>
            html`<tr key=${row.key}><th scope="row">${row.name}</th>${columns.map((one) => {
            const cell = row.cells.get(one.key);
            return cell ? html`<td key=${one.key} class=${`right ${level(cell.requests / most)}`}>
                <b class="num">${count_text(cell.requests)}</b>
                <span class="cost">
                    <${Money} amount=${cell.cost} currency=${currency} figure=${cell.figure} />
                    </span></td>`
                : html`<td key=${one.key} class="right none">·</td>`;
        })}</tr>`)}</tbody></table></div>`;
}
