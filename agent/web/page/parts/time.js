import {html} from "../lib/h.js";
import {ago_text, clock_text, date_of, day_text, duration_text, local_text,
    utc_text} from "../lib/time.js";

/// A moment in the reader's zone; UTC in the title. `ago`: how long it is since, instead.
/// `words`: in what form; day | clock | full.
export function Time({at, ago = false, form = "local", now = Date.now()}) {
    const date = date_of(at);
    if (!date) {
        return html`<span class="none">–</span>`;
    }
    const forms = {local: local_text, day: day_text, clock: clock_text};
    const text = ago ? ago_text((now - date.getTime()) / 1000) : forms[form](date);
    return html`<time datetime=${date.toISOString()} title=${utc_text(date)}>${text}</time>`;
}

export function Duration({seconds}) {
    return html`<span class="num">${duration_text(seconds)}</span>`;
}
