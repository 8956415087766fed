// Dense lines over time, drawn by uPlot on a canvas. Its colours come from the style sheet and change
// with the colour scheme; its cursor is the one of all charts, for mouse and keyboard.
import {html, useEffect, useRef, useState} from "../lib/h.js";
import {clock_text, day_text} from "../lib/time.js";
import {Walk, useCursor, useWidth} from "./plot.js";

/// So few points are drawn as points too.
const FEW = 12;
const scheme = matchMedia("(prefers-color-scheme: dark)");
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const font = "11px system-ui, sans-serif";

/// times: seconds since 1970; lines: [{word, values, ink: "--own", dash}]; `target`: a value with a line
/// of its own; `format(value)`: text of an axis mark or reading; `most`: shared top of the scale.
export function Series({times, lines, target = null, format, most, height = 180, label}) {
    const [ref, width] = useWidth();
    const root = useRef(null);
    const plot = useRef(null);
    const [dark, setDark] = useState(scheme.matches);
    const [index, on] = useCursor(times.length, (x) => nearest(plot.current, x));
    useEffect(() => {
        const changed = () => setDark(scheme.matches);
        scheme.addEventListener("change", changed);
        return () => scheme.removeEventListener("change", changed);
    }, []);
    const shape = lines.map((line) => line.word).join("\n");
    useEffect(() => {
        const axis = {stroke: color("--dim"), font, grid: {stroke: color("--line"), width: 1},
            ticks: {stroke: color("--line"), width: 1, size: 4}};
        const options = {
            width, height, legend: {show: false}, padding: [8, 8, 0, 0],
            cursor: {drag: {x: false, y: false}, y: false, points: {size: 5}},
            scales: {x: {time: true, range: (self, min, max) => {
                    // One moment alone has half an hour at each side.
                    const [only, more] = self.data[0];
                    return more === undefined ? [only - 1800, only + 1800] : [min, max];
                }},
                y: {range: (_, __, max) =>
                [0, Math.max(most ?? 0, max ?? 0, target ?? 0, 1e-9) * 1.06]}},
            axes: [{...axis, size: 26, space: 70, values: (_, marks) =>
                marks.map((at) => when(new Date(at * 1000)))},
                   {...axis, size: 58, space: 34, values: (_, marks) => marks.map(format)}],
            series: [{}, ...lines.map((line) =>
                ({label: line.word, stroke: color(line.ink), width: 1.5, dash: line.dash,
                points: {show: times.length < FEW}, spanGaps: false}))],
            hooks: {draw: target === null ? [] : [(self) => mark_target(self, target)]},
        };
        plot.current = new globalThis.uPlot(options, [times, ...lines.map((line) => line.values)],
            root.current);
        return () => plot.current.destroy();
    }, [dark, shape, height, most, target, times.length < FEW]);
    useEffect(() => plot.current?.setSize({width, height}), [width, height]);
    useEffect(() => plot.current?.setData([times, ...lines.map((line) => line.values)]),
        [times, lines]);
    useEffect(() => {
        const left = index === null || index >= times.length ? -10
            : plot.current.valToPos(times[index], "x");
        plot.current.setCursor({left, top: left < 0 ? -10 : 0});
    }, [index, times, width]);
    const said = index === null || index >= times.length ? null
        : html`<b>${when(new Date(times[index] * 1000), true)}</b> ${
        lines.map((line) =>
            `${line.word} ${line.values[index] == null ? "–" : format(line.values[index])}`)
            .join(", ")}`;
    return html`<div ref=${ref} class="series">
        <${Walk} label=${label} on=${on} reading=${said}>
            <div ref=${root} role="img" aria-label=${label}></div><//></div>`;
}

/// The point under the mouse, `x` pixels from the plot's left edge; null beside the lines.
function nearest(plot, x) {
    const inside = x - plot.bbox.left / devicePixelRatio;
    return inside < 0 || inside > plot.bbox.width / devicePixelRatio ? null
        : plot.posToIdx(inside);
}

function when(date, whole = false) {
    const midnight = date.getHours() + date.getMinutes() === 0;
    return whole ? `${day_text(date).slice(5)} ${clock_text(date)}` : midnight ? day_text(date)
        .slice(5) : clock_text(date);
}

function mark_target(plot, target) {
    const y = plot.valToPos(target, "y", true);
    const {ctx, bbox} = plot;
    ctx.save();
    ctx.strokeStyle = color("--ink");
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.setLineDash([5 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
}
