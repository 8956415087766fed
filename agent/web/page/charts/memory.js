// Memory of one GPU by process, on one straight bar.
import {html} from "../lib/h.js";
import {bytes_text} from "../lib/words.js";
import {useWidth} from "./plot.js";

/// Who holds the memory of a GPU: [{word, pid, bytes, fill}]; what no process is named for comes last.
export function memory_parts({memory_used: used, processes}) {
    const known = processes.filter((one) => one.bytes);
    const named = known.reduce((sum, one) => sum + one.bytes, 0);
    return [...known.map((one) => ({word: one.name || `process ${one.pid}`, pid: one.pid,
        bytes: one.bytes, fill: "memory"})),
        ...(used > named ? [{word: "others and the driver", pid: null, bytes: used - named,
            fill: "memory-other"}] : [])];
}

/// `most`: memory of the largest GPU, so that all bars have one scale.
export function Memory({gpu, most}) {
    const [ref, width] = useWidth(320);
    const {memory_total: total, memory_used: used} = gpu;
    const scale = (bytes) => (bytes / Math.max(1, most)) * width;
    const parts = memory_parts(gpu);
    let from = 0;
    return html`<div ref=${ref} class="memory"><svg width=${width} height="18" role="img"
        aria-label=${`${bytes_text(used)} of ${bytes_text(total)} used: ${parts.map((one) =>
            `${one.word} ${bytes_text(one.bytes)}`).join(", ") || "no process named"}`}>
        <rect width=${scale(total)} height="18" class="track" />
        ${parts.map((part, at) => {
            const x = scale(from);
            from += part.bytes;
            return html`<rect key=${at} x=${x} width=${Math.max(1, scale(part.bytes) - 1)}
                height="18" class=${`${part.fill} shade-${at % 3}`} />`;
        })}</svg>
        <ul class="facts small"><li>memory <b>${bytes_text(used)}</b> of ${bytes_text(total)}</li>
            ${parts.map((part, at) =>
            html`<li key=${at}>${part.word} <b>${bytes_text(part.bytes)}</b></li>`)}</ul>
                </div>`;
}
