// From the ledger's sum to the provider's bill, step by step: each bar begins where the last ended.
import {html} from "../lib/h.js";
import {money_text, pixels} from "../lib/money.js";
import {useWidth} from "./plot.js";

const ROW = 30;

/// steps: [{word, amount: nano-units}]; from and to: {word, amount}.
export function Waterfall({from, steps, to, currency, label}) {
    const [ref, width] = useWidth();
    const left = Math.max(112, Math.min(190, width * 0.36));
    const right = width < 420 ? 88 : 112;
    const sums = steps.reduce((list, step) => [...list, list[list.length - 1] + step.amount],
        [from.amount]);
    const values = [...sums, to.amount].map(pixels);
    const spread = Math.max(...values) - Math.min(...values);
    // The steps are small beside the sums: the scale begins where they can be told apart.
    const low = spread > 0 && spread * 12 < Math.max(...values)
        ? Math.min(...values) - spread * 0.6 - 1e-9 : 0;
    const high = Math.max(...values) + spread * 0.1 + 1e-9;
    const x = (value) => left + ((pixels(value) - low) / (high - low)) * (width - left - right);
    const rows = [{word: from.word, a: null, b: from.amount,
        text: money_text(from.amount, currency), fill: "sum"},
                  ...steps.map((step, at) =>
                      ({word: step.word, a: sums[at], b: sums[at + 1], fill: step.amount < 0n
                      ? "less" : "more",
                                               text: `${step.amount > 0n ? "+"
                                                   : ""}${money_text(step.amount, currency)}`})),
                  {word: to.word, a: null, b: to.amount, text: money_text(to.amount, currency),
                      fill: "sum"}];
    return html`<div ref=${ref}>
        <svg width=${width} height=${rows.length * ROW} role="img" aria-label=${label}>
        ${rows.map((row, at) => {
        const [begin, end] = row.a === null ? [left, x(row.b)]
            : [Math.min(x(row.a), x(row.b)), Math.max(x(row.a), x(row.b))];
        return html`<g key=${at} transform=${`translate(0 ${at * ROW})`}>
            <text x=${left - 8} y="19" text-anchor="end" class=${row.fill === "sum" ? "strong"
            : "ink"}>${row.word}</text>
            <rect x=${begin} y="5" width=${Math.max(1.5, end - begin)} height="20"
                class=${`fall-${row.fill}`} />
            ${at < rows.length - 1
                && html`<line x1=${x(row.b)} x2=${x(row.b)} y1="25" y2=${ROW + 5} class="base" />`}
            <text x=${end + 6} y="19" class=${row.fill === "sum" ? "strong"
                : "ink"}>${row.text}</text></g>`;
    })}</svg>${low > 0 && steps.length > 0
        && html`<p class="note">The scale begins at ${low.toFixed(2)}, so that the steps can be
        seen.</p>`}</div>`;
}
