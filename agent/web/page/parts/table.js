// One kind of table everywhere: headers with scope, numbers at the right, wide ones scroll by
// themselves and can be reached by keyboard.
import {html} from "../lib/h.js";

/// columns: [{label, align: "right"|undefined, narrow}], rows: [[cell, ...]] or [{cells, class, key}].
/// The first cell of a row is its header, unless `plain`.
export function Table({label, columns, rows, total, plain = false, dense = false}) {
    const align = (index) => columns[index]?.align === "right" ? "right" : undefined;
    const line = (row, name) => {
        const cells = Array.isArray(row) ? row : row.cells;
        return html`<tr class=${[name, row.class].filter(Boolean).join(" ") || undefined}
            key=${row.key}
            ...${row.attributes ?? {}}>
            ${cells.map((cell, index) => index === 0 && !plain
                ? html`<th scope="row" class=${align(0)}>${cell}</th>`
                : html`<td class=${align(index)}>${cell}</td>`)}
        </tr>`;
    };
    return html`<div class="scroll" role="region" aria-label=${label} tabindex="0">
        <table class=${dense ? "dense" : undefined}>
            <caption class="unseen">${label}</caption>
            <thead><tr>${columns.map((column, index) =>
                html`<th scope="col" class=${align(index)}>${column.label}</th>`)}</tr></thead>
            <tbody>${rows.map((row) => line(row))}</tbody>
            ${total && html`<tfoot>${line(total, "total")}</tfoot>`}
        </table>
    </div>`;
}
