// What all charts of our own share: their width, round ticks, a cursor for mouse and keyboard.
import {html, useEffect, useLayoutEffect, useRef, useState} from "../lib/h.js";

/// [ref for the element that is as wide as may be, its width in pixels].
export function useWidth(otherwise = 640) {
    const ref = useRef(null);
    const [width, setWidth] = useState(otherwise);
    useLayoutEffect(() => {
        const element = ref.current;
        const measure = () => setWidth(Math.max(200, Math.floor(element.clientWidth)));
        measure();
        const observer = new ResizeObserver(measure);
        observer.observe(element);
        return () => observer.disconnect();
    }, []);
    return [ref, width];
}

/// Round numbers from 0 up to at least `most`, about `count` of them.
export function ticks(most, count = 4) {
    if (!(most > 0)) {
        return [0, 1];
    }
    const rough = most / count;
    const size = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((one) => one * size).find((one) => one >= rough);
    const list = [];
    for (let at = 0; at < most + step * 0.999; at += step) {
        list.push(Number(at.toPrecision(12)));
    }
    return list;
}

/// A tick's text: as many decimals as its step needs.
export function tick_text(value, step) {
    const decimals = step >= 1 && Number.isInteger(step) ? 0
        : Math.min(9, Math.max(0,
            Math.ceil(-Math.log10(step) + (/[.]?25/.test(String(step)) ? 0.5 : 0))));
    return value.toLocaleString("en-US",
        {minimumFractionDigits: decimals, maximumFractionDigits: decimals});
}

/// Horizontal lines with numbers at the left. `y` places a value.
export function AxisY({values, y, left, right, prefix = ""}) {
    const step = values.length > 1 ? values[1] - values[0] : 1;
    return html`<g class="axis" aria-hidden="true">${values.map((value) => html`<g key=${value}>
        <line x1=${left} x2=${right} y1=${y(value)} y2=${y(value)} class=${value === 0 ? "base"
            : "rule"} />
        <text x=${left - 6} y=${y(value)} dy="0.32em" text-anchor="end">${prefix}${tick_text(value,
            step)}</text>
    </g>`)}</g>`;
}

/// Words under a chart, as many as fit: places: [{x, text}] in order.
export function AxisX({places, y, width, gap = 64}) {
    let last = -Infinity;
    const shown = places.filter(({x}) => {
        if (x - last < gap || x > width - 12) {
            return false;
        }
        last = x;
        return true;
    });
    return html`<g class="axis" aria-hidden="true">${shown.map(({x, text}) => html`<g key=${x}>
        <line x1=${x} x2=${x} y1=${y} y2=${y + 4} class="base" />
        <text x=${x} y=${y + 16} text-anchor="middle">${text}</text></g>`)}</g>`;
}

/// So many times PageDown goes from the first mark to the last.
const LEAPS = 24;

/// Which of `count` marks is pointed at: by the mouse (`at` of a pointer event gives an index) or by
/// the arrow keys. Spread `on` over the group that takes the focus.
export function useCursor(count, at) {
    const [index, setIndex] = useState(null);
    useEffect(() => {
        if (index !== null && index >= count) {
            setIndex(null);
        }
    }, [count]);
    const leap = Math.max(1, Math.round(count / LEAPS));
    const step = {ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, PageUp: -leap,
        PageDown: leap};
    const on = {
        tabIndex: 0,
        onKeyDown: (event) => {
            if (event.key === "Escape") {
                setIndex(null);
            } else if (event.key === "Home" || event.key === "End") {
                setIndex(event.key === "Home" ? 0 : count - 1);
                event.preventDefault();
            } else if (step[event.key]) {
                const from = index ?? (step[event.key] > 0 ? -1 : count);
                setIndex(Math.min(count - 1, Math.max(0, from + step[event.key])));
                event.preventDefault();
            }
        },
        onPointerMove: (event) => {
            const box = event.currentTarget.getBoundingClientRect();
            const found = at(event.clientX - box.left, event.clientY - box.top);
            setIndex(found === null || found < 0 || found >= count ? null : found);
        },
        onPointerLeave: () => setIndex(null),
    };
    return [index, on];
}

/// The frame of a chart that can be walked through; `reading` says what the cursor is on.
export function Walk({label, on, reading, hint = "Arrow keys read it step by step.", children}) {
    return html`<div class="walk" role="group" aria-label=${`${label}. ${hint}`} ...${on}>
        ${children}</div>
        <p class="reading" aria-live="polite">${reading ?? ""}</p>`;
}
