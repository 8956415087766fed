// Months to break-even by use and by what is rented instead: how fast the answer moves.
import {html} from "../lib/h.js";

const STEPS = [6, 12, 24, 48];
const level = (months) =>
    (months === null ? "never" : `level-${STEPS.filter((step) => months > step).length}`);

/// uses: ["10 %", ...]; rows: [{word, under, cells: [{text, months: number|null} or null while it is read]}].
export function Grid({label, uses, rows}) {
    return html`<div class="scroll" role="region" tabindex="0" aria-label=${label}>
        <table class="heat dense">
        <caption class="unseen">${label}</caption>
        <thead><tr><th scope="col">instead of</th>${uses.map((use) =>
            html`<th scope="col" class="right" key=${use}>${use}</th>`)}</tr></thead>
        <tbody>${rows.map((row) =>
            html`<tr key=${row.word}>
            <th scope="row">${row.word} <span class="dim">${row.under}</span></th>
            ${row.cells.map((cell, at) =>
                html`<td key=${uses[at]} class=${`right ${cell ? level(cell.months) : ""}`}>${cell
                ? cell.text : "…"}</td>`)}</tr>`)}</tbody>
    </table></div>`;
}
