// Cumulative cost over months: buying against each thing that could be paid for instead. Where two
// lines cross, the machine has paid for itself.
import {html} from "../lib/h.js";
import {money_text, pixels} from "../lib/money.js";
import {AxisX, AxisY, ticks, useWidth} from "./plot.js";

const HEIGHT = 300;
const BOX = {left: 64, top: 14, bottom: 26};
const LABEL_GAP = 15;

/// own: {word, start, monthly} and others: [{word, kind, monthly, months: number or null}], all money in
/// nano-units; `horizon` in months.
export function Months({own, others, horizon, currency}) {
    const [ref, width] = useWidth();
    const right = width < 520 ? 12 : Math.min(220, width * 0.3);
    const at_end = (line) => line.start + line.monthly * BigInt(horizon);
    const lines = [{...own, kind: "own"}, ...others.map((line) => ({...line, start: 0n}))];
    const own_end = at_end(lines[0]);
    // What is many times dearer would press all crossings to the floor: it leaves at the top.
    const most = Math.max(pixels(own_end) * 2.2, pixels(own.start) * 1.3);
    const dearest = Math.max(...lines.map((line) => pixels(at_end(line))));
    const scale = ticks(Math.min(most, dearest), 5);
    const top = scale[scale.length - 1];
    const x = (month) => BOX.left + (month / horizon) * (width - BOX.left - right);
    const y = (value) => HEIGHT - BOX.bottom - (value / top) * (HEIGHT - BOX.top - BOX.bottom);
    const placed = lines.map((line) => {
        const start = pixels(line.start);
        const slope = pixels(line.monthly);
        const end = slope > 0 ? Math.min(horizon, (top - start) / slope) : horizon;
        return {...line, begin: [x(0), y(start)], stop: [x(end), y(start + slope * end)]};
    });
    const labels = [...placed].sort((a, b) => a.stop[1] - b.stop[1])
        .map((line) => ({line, y: line.stop[1]}));
    labels.forEach((label, at) => {
        label.y = Math.max(label.y, at ? labels[at - 1].y + LABEL_GAP : BOX.top);
    });
    return html`<div ref=${ref}>
        <svg width=${width} height=${Math.max(HEIGHT, (labels[labels.length - 1]?.y ?? 0) + 10)}
        role="img"
        aria-label=${`Cumulative cost over ${horizon} months of buying and of each alternative`}>
        <${AxisY} values=${scale} y=${y} left=${BOX.left} right=${width - right} />
        <${AxisX} y=${HEIGHT - BOX.bottom} width=${width} gap=${56} places=${Array.from(
            {length: Math.floor(horizon / 3) + 1},
            (_, at) => ({x: x(at * 3), text: at === 0 ? "0" : `${at * 3} mo`}))} />
        ${placed.map((line, at) =>
            html`<path key=${line.word} d=${`M${line.begin.join(" ")}L${line.stop.join(" ")}`}
            class=${`way way-${line.kind} dash-${line.kind === "own" ? 0 : at % 4}`} />`)}
        ${others.filter((line) => line.months !== null && line.months <= horizon).map((line) => {
            const value = pixels(own.start) + pixels(own.monthly) * line.months;
            return value <= top
                && html`<g key=${line.word}>
                <circle cx=${x(line.months)} cy=${y(value)} r="4.5"
                class=${`crossing crossing-${line.kind}`}>
                <title>${`${line.word}: ${line.months} months, ${money_text(
                    BigInt(Math.round(value * 1e9)), currency, 0)}`}</title></circle></g>`;
        })}
        ${width >= 520 && labels.map(({line, y: at}) => html`<g key=${line.word}>
            <path d=${`M${line.stop.join(" ")}L${width - right + 6} ${at}`} class="leader" />
            <text x=${width - right + 9} y=${at} dy="0.32em" class=${line.kind === "own" ? "strong"
                : "ink"}>${short(line.word, right)}</text></g>`)}
    </svg>${width < 520 && html`<ul class="legend">
        ${lines.map((line, at) =>
        html`<li key=${line.word}>
        <svg class="swatch" width="22" height="10" aria-hidden="true"><line
        x1="0" x2="22" y1="5" y2="5" class=${`way way-${line.kind} dash-${line.kind === "own" ? 0
            : at % 4}`} /></svg>${line.word}</li>`)}</ul>`}</div>`;
}

function short(text, room) {
    const most = Math.max(8, Math.floor((room - 12) / 6.6));
    return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
