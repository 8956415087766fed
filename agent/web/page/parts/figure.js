// Every chart: a figure whose caption says the finding in words, a switch to the same data as a
// table, and that table as a CSV file.
import {csv_text, save} from "../lib/csv.js";
import {html, useState} from "../lib/h.js";
import {count_text} from "../lib/words.js";
import {Table} from "./table.js";

let used = 0;
/// A table in place of a chart shows no more rows; the file has all.
const ROWS_MAX = 300;

/// data: {columns: [{label, align}], rows: [[text or number]]}: what the chart draws, as plain values.
export function Figure({title, finding, name, data, legend, note, wide = false, children}) {
    const [table, setTable] = useState(false);
    const [id] = useState(() => `fig-${++used}`);
    const download = () => save(`evenkeel-${name}.csv`,
                                csv_text(data.columns.map((one) => one.label), data.rows));
    return html`<figure class=${`fig${wide ? " wide" : ""}`} aria-labelledby=${id}
        data-chart=${name}>
        <figcaption>
            <h2 id=${id}>${title}</h2>
            <p class="finding">${finding}</p>
        </figcaption>
        <div class="tools">
            <button type="button" aria-pressed=${String(table)} onClick=${() => setTable(!table)}
                aria-label=${`Show ${title} as a table`}>Table</button>
            <button type="button" onClick=${download}
                aria-label=${`Download ${title} as CSV`}>CSV</button>
        </div>
        ${table ? html`<${Table} label=${title} columns=${data.columns}
                rows=${data.rows.slice(0, ROWS_MAX)} dense />
            ${data.rows.length > ROWS_MAX && html`<p class="note">The first ${ROWS_MAX} of
                ${" "}${count_text(data.rows.length)} rows; the CSV file has all.</p>`}`
            : html`${legend}<div class="plot">${children}</div>`}
        ${note && html`<p class="note">${note}</p>`}
    </figure>`;
}
