// Which assumption moves the answer most: bars from the shortest to the longest answer, in the order
// of their length; the line is the answer as it stands.
import {html} from "../lib/h.js";
import {AxisX, useWidth} from "./plot.js";

const ROW = 28;

/// base: months; rows: [{what, low, low_months, high, high_months}], null months: never.
export function Tornado({base, rows}) {
    const [ref, width] = useWidth();
    const finite = rows.flatMap((row) => [row.low_months, row.high_months])
        .filter((one) => one !== null).concat(base);
    const most = Math.max(...finite) * (
        rows.some((row) => row.low_months === null || row.high_months === null) ? 1.25 : 1.06);
    // Room for the names, and for the words at both ends of a bar.
    const [left, right] = width < 420 ? [104, 74] : [96, 92];
    const x = (months) => left + ((months ?? most) / most) * (width - left - right);
    const height = rows.length * ROW + 24;
    return html`<div ref=${ref}><svg width=${width} height=${height} role="img"
        aria-label="Months to break-even when one assumption moves, the most important first">
        ${rows.map((row, at) => {
            const ends = [[row.low, row.low_months], [row.high, row.high_months]].sort((a, b) =>
                (a[1] ?? Infinity) - (b[1] ?? Infinity));
            const [from, to] = [x(ends[0][1]), x(ends[1][1])];
            const months = (value) => (value === null ? "never" : value.toFixed(1));
            return html`<g key=${row.what} transform=${`translate(0 ${at * ROW})`}>
                <text x="0" y="17" class="ink">${row.what}</text>
                <rect x=${from} y="6" width=${Math.max(1, to - from)} height="16"
                    class=${ends[1][1] === null ? "swing open" : "swing"} rx="1" />
                <text x=${from - 5} y="18" text-anchor="end"><tspan>${ends[0][0]} · </tspan>
                    <tspan class="strong">${months(ends[0][1])}</tspan></text>
                <text x=${to
                    + 5} y="18"><tspan class="strong">${months(ends[1][1])}</tspan>
                    <tspan> · ${ends[1][0]}</tspan></text></g>`;
        })}
        <line x1=${x(base)} x2=${x(base)} y1="0" y2=${rows.length * ROW} class="limit" />
        <${AxisX} y=${rows.length * ROW} width=${width} places=${[
            {x: x(base), text: `${base} months`}]} />
    </svg></div>`;
}
