import {html} from "../lib/h.js";

/// A number with its name and age or explanation beneath; `line` is a small chart beside it.
export function Tile({label, children, under, line, tone}) {
    return html`<div class=${`tile${tone ? ` ${tone}` : ""}`}>
        <dt>${label}</dt>
        <dd><span class="big">${children}</span>${under
            && html`<span class="under">${under}</span>`}</dd>
        ${line}
    </div>`;
}

export function Tiles({label, children}) {
    return html`<dl class="tiles" aria-label=${label}>${children}</dl>`;
}
