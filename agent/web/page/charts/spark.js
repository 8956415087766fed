// A small line beside a number: its last minutes, without axes. Decoration; the number says it.
import {html} from "../lib/h.js";

const WIDTH = 96;
const HEIGHT = 24;

export function Spark({values, kind = "ink"}) {
    if (values.length < 2) {
        return html`<svg class="spark" width=${WIDTH} height=${HEIGHT} aria-hidden="true"></svg>`;
    }
    const most = Math.max(...values, 1e-12);
    const x = (index) => (index / (values.length - 1)) * (WIDTH - 4) + 2;
    const y = (value) => HEIGHT - 2 - (value / most) * (HEIGHT - 5);
    const line = values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`)
        .join(" ");
    const last = values.length - 1;
    return html`<svg class="spark" width=${WIDTH} height=${HEIGHT}
        viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="xMinYMid meet" aria-hidden="true">
        <polygon points=${`2,${HEIGHT - 2} ${line} ${x(last)},${HEIGHT - 2}`} class="spark-area" />
        <polyline points=${line} class="spark-line" />
        <circle cx=${x(last)} cy=${y(values[last])} r="2" class="spark-end" />
    </svg>`;
}
