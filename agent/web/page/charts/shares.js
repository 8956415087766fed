// Two or more bars of the same length, one above the other: how the same sources share different
// wholes, for instance requests and cost.
import {html} from "../lib/h.js";
import {percent_text} from "../lib/money.js";
import {useWidth} from "./plot.js";

const ROW = 46;

/// bars: [{name, parts: [{kind, word, share}]}], share in tenths of a percent.
export function Shares({bars, label}) {
    const [ref, width] = useWidth();
    return html`<div ref=${ref}>
        <svg width=${width} height=${bars.length * ROW} role="img" aria-label=${label}>
        ${bars.map(({name, parts}, row) => {
            let from = 0;
            // A correction below zero cannot be drawn; the rest fills the bar.
            const whole = Math.max(1000, parts.reduce((all, {share}) => all + Math.max(0, share), 0));
            return html`<g key=${name} transform=${`translate(0 ${row * ROW})`}>
                <text x="0" y="12" class="ink">${name}</text>
                ${parts.map(({kind, word, share}) => {
                    const x = (from / whole) * width;
                    const wide = (share / whole) * width;
                    from += Math.max(0, share);
                    const text = `${word} ${percent_text(share)}`;
                    return share > 0 && html`<g key=${kind + word}>
                        <rect x=${x} y="18" width=${Math.max(0.5, wide - 1)} height="20"
                            class=${`fill-${kind} bar-${kind}`}><title>${text}</title></rect>
                        ${wide > text.length * 7 + 16
                            && html`<rect x=${x + 5} y="20.5" width=${text.length * 7 + 8}
                            height="15" rx="2" class="plate" />
                            <text x=${x + 9} y="32" class="ink">${text}</text>`}</g>`;
                })}</g>`;
        })}
    </svg></div>`;
}
