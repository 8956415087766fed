// What a page shows when it has nothing to show: first run, loading, busy, an error.
import {html} from "../lib/h.js";
import {clock_text} from "../lib/time.js";

export function Loading({what}) {
    return html`<div class="state loading" role="status">
        <span class="bar" aria-hidden="true"></span>
        Reading ${what} …</div>`;
}

export function Busy({what, reload}) {
    return html`<div class="state busy" role="status">
        <p>The daemon is busy. “${what}” comes as soon as it answers.</p>
        <button type="button" onClick=${() => reload()}>Ask again</button></div>`;
}

/// The daemon's own words, as text.
export function Failed({what, error, reload}) {
    return html`<div class="state failed" role="alert">
        <p><b>${what} could not be read.</b> ${error.message}</p>
        <p class="dim">${error.status ? `HTTP ${error.status}, ` : ""}${error.code
            ?? error.name}</p>
        ${reload && html`<button type="button" onClick=${() => reload()}>Try again</button>`}
    </div>`;
}

/// Nothing yet: says so, and what to do next.
export function FirstRun({title, children, command}) {
    return html`<div class="state first">
        <p><b>${title}</b></p>
        ${children && html`<p>${children}</p>`}
        ${command && html`<p class="next">Next <code>${command}</code></p>`}
    </div>`;
}

/// Shows a document by `children(document)` or the state it is in. What was read before stays, with a
/// line that says how old it is when reading it again failed.
export function WithDocument({from, what, children}) {
    const {document, error, loading, busy, reload} = from;
    // One element around it, whatever it shows: its place among others stays its own.
    if (!document) {
        return html`<div class="through">${
            error ? html`<${Failed} what=${what} error=${error} reload=${() => reload(true)} />`
            : busy ? html`<${Busy} what=${what} reload=${reload} />`
            : loading ? html`<${Loading} what=${what} />` : null}</div>`;
    }
    return html`<div class="through">${error && html`<p class="old" role="status">${what} could not be
        read again: ${error.message}. What follows is of ${clock_text(new Date(from.at), true)}.</p>`}
        ${children(document)}</div>`;
}
