// Memory of one GPU by process, on one straight bar.
import {html} from "../lib/h.js";
import {bytes_text} from "../lib/words.js";
import {useWidth} from "./plot.js";

export function Memory({total, used, processes}) {
    const [ref, width] = useWidth(320);
    const scale = (bytes) => (bytes / Math.max(1, total)) * width;
    let from = 0;
    const known = processes.filter((one) => one.bytes);
    const named = known.reduce((sum, one) => sum + one.bytes, 0);
    const parts = [...known.map((one) =>
        ({word: one.name || `process ${one.pid}`, bytes: one.bytes, fill: "memory"})),
                   ...(used > named
                       ? [{word: "others and the driver", bytes: used - named,
                       fill: "memory-other"}] : [])];
    return html`<div ref=${ref} class="memory"><svg width=${width} height="18" role="img"
        aria-label=${`${bytes_text(used)} of ${bytes_text(total)} used: ${parts.map((one) =>
            `${one.word} ${bytes_text(one.bytes)}`).join(", ") || "no process named"}`}>
        <rect width=${width} height="18" class="track" />
        ${parts.map((part, at) => {
            const x = scale(from);
            from += part.bytes;
            return html`<rect key=${at} x=${x} width=${Math.max(1, scale(part.bytes) - 1)}
                height="18" class=${`${part.fill} shade-${at % 3}`} />`;
        })}</svg>
        <ul class="facts small"><li>memory <b>${bytes_text(used)}</b> of ${bytes_text(total)}</li>
            ${parts.map((part) =>
            html`<li key=${part.word}>${part.word} <b>${bytes_text(part.bytes)}</b></li>`)}</ul>
                </div>`;
}
