import {html} from "../lib/h.js";
import {kind_word} from "../lib/words.js";

/// A small square in the colour and pattern of a kind of source.
export function Swatch({kind}) {
    return html`<svg class="swatch" width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
        <rect width="12" height="12" rx="2" class=${`fill-${kind}`} /></svg>`;
}

export function Legend({kinds, words = kind_word, extra = []}) {
    return html`<ul class="legend">
        ${kinds.map((kind) => html`<li key=${kind}><${Swatch} kind=${kind} />${words(kind)}</li>`)}
        ${extra.map(([mark, word]) =>
            html`<li key=${word}><svg class="swatch" width="16" height="12"
            viewBox="0 0 16 12" aria-hidden="true">
                <line x1="0" x2="16" y1="6" y2="6" class=${mark} /></svg>${word}</li>`)}
    </ul>`;
}

/// "own desk": a source with its kind, where a table lists them.
export function Kind({kind}) {
    return html`<span class="kind"><${Swatch} kind=${kind} />${kind_word(kind)}</span>`;
}
