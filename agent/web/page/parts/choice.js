import {html} from "../lib/h.js";
import {choose} from "../lib/router.js";

/// One of a few, as links of the page's address. options: [[value, word]].
export function Choice({label, name, value, options}) {
    return html`<div class="choice" role="group" aria-label=${label}>
        <span class="label" aria-hidden="true">${label}</span>
        ${options.map(([one, word]) => html`<button type="button" key=${one}
            aria-pressed=${String(one === value)} onClick=${() => choose({[name]: one})}>${word}
                </button>`)}
    </div>`;
}

export const RANGES = [["24h", "24 hours"], ["7d", "7 days"], ["30d", "30 days"],
    ["90d", "90 days"]];

/// "since" of the address, when it is one that the daemon takes.
export function range_of(query, otherwise) {
    return /^(\d{1,4}[hd]|\d{4}-\d\d-\d\d)$/.test(query.since ?? "") ? query.since : otherwise;
}
