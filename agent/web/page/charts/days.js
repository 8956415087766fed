// Stacked bars, one a day: days are separate sums.
import {html} from "../lib/h.js";
import {money_text, pixels} from "../lib/money.js";
import {short_day} from "../lib/time.js";
import {KINDS, kind_word} from "../lib/words.js";
import {AxisX, AxisY, Walk, ticks, useCursor, useWidth} from "./plot.js";

const HEIGHT = 240;
const BOX = {left: 56, right: 8, top: 8, bottom: 24};
const GAP = 0.22;

/// days: [{day: "2026-11-01", parts: {kind or label: nano-units}, total}]; `layers`: [{id, word, fill}]
/// from the bottom to the top.
export function Days({days, layers, currency}) {
    const [ref, width] = useWidth();
    const step = (width - BOX.left - BOX.right) / Math.max(1, days.length);
    const [index, on] = useCursor(days.length, (x) => Math.floor((x - BOX.left) / step));
    const scale = ticks(Math.max(...days.map((day) => pixels(day.total)), 0));
    const top = scale[scale.length - 1];
    const y = (value) => HEIGHT - BOX.bottom - (value / top) * (HEIGHT - BOX.top - BOX.bottom);
    const bar = Math.min(36, Math.max(1, step * (1 - GAP)));
    const chosen = index === null ? null : days[index];
    return html`<div ref=${ref}>
        <${Walk} label="Money a day" on=${on} reading=${chosen
            && html`<b>${short_day(chosen.day)}</b> ${
            money_text(chosen.total, currency)}: ${layers.filter(({id}) =>
                (chosen.parts[id] ?? 0n) > 0n).map(({id, word}) =>
                `${word} ${money_text(chosen.parts[id], currency)}`).join(", ") || "nothing"}`}>
        <svg width=${width} height=${HEIGHT} role="img" aria-label="Stacked bars of money a day">
            <${AxisY} values=${scale} y=${y} left=${BOX.left} right=${width - BOX.right} />
            ${index !== null && html`<rect x=${BOX.left + index * step} y=${BOX.top} width=${step}
                height=${HEIGHT - BOX.top - BOX.bottom} class="cursor" />`}
            ${days.map((day, at) => {
                let below = 0n;
                return html`<g key=${day.day}>${layers.map(({id, fill}) => {
                    const part = day.parts[id] ?? 0n;
                    const from = y(pixels(below));
                    below += part;
                    const height = from - y(pixels(below));
                    return part > 0n
                        && html`<rect key=${id} x=${BOX.left + at * step + (step - bar) / 2}
                        y=${from - height}
                        width=${bar} height=${Math.max(0.5, height)} class=${fill} />`;
                })}</g>`;
            })}
            <${AxisX} y=${HEIGHT - BOX.bottom} width=${width}
                places=${days.map(({day}, at) =>
                    ({x: BOX.left + (at + 0.5) * step, text: short_day(day)}))} />
        </svg><//></div>`;
}

export const KIND_LAYERS =
    KINDS.map((kind) => ({id: kind, word: kind_word(kind), fill: `fill-${kind} bar-${kind}`}));
