// Money an hour by kind, stacked: the sum of parts over time. Each hour is one step, since an hour's
// money is a sum and not a moment's reading.
import {html} from "../lib/h.js";
import {exact, money_text, nanos, pixels} from "../lib/money.js";
import {clock_text, date_of, day_text, utc_text} from "../lib/time.js";
import {KINDS, kind_word} from "../lib/words.js";
import {AxisX, AxisY, Walk, ticks, useCursor, useWidth} from "./plot.js";

const HEIGHT = 220;
const BOX = {left: 56, right: 8, top: 8, bottom: 24};

/// The spans in which a layer is not empty: nothing is drawn of it elsewhere.
function runs(lower, upper) {
    const list = [];
    upper.forEach((value, at) => {
        if (value > lower[at]) {
            const last = list[list.length - 1];
            if (last && last.to === at) {
                last.to = at + 1;
            } else {
                list.push({from: at, to: at + 1});
            }
        }
    });
    return list;
}

/// hours: [{at: Date, parts: {own, rental, api, waste} in nano-units}], one for every hour.
export function StackHours({hours, currency, kinds = KINDS}) {
    const [ref, width] = useWidth();
    const inner = width - BOX.left - BOX.right;
    const step = inner / Math.max(1, hours.length);
    const [index, on] = useCursor(hours.length, (x) => Math.floor((x - BOX.left) / step));
    const totals = hours.map(({parts}) => kinds.reduce((all, kind) => all + parts[kind], 0n));
    const scale = ticks(Math.max(...totals.map(pixels), 0));
    const top = scale[scale.length - 1];
    const y = (value) => HEIGHT - BOX.bottom - (value / top) * (HEIGHT - BOX.top - BOX.bottom);
    const below = hours.map(() => 0n);
    const layers = kinds.map((kind) => {
        const lower = [...below];
        hours.forEach(({parts}, at) => { below[at] += parts[kind]; });
        return {kind, lower, upper: [...below]};
    }).filter(({lower, upper}) => upper.some((value, at) => value > lower[at]));
    const outline = (values, {from, to}, back = false) => {
        const points = values.slice(from, to).flatMap((value, at) => [
            [BOX.left + (from + at) * step, y(pixels(value))],
                [BOX.left + (from + at + 1) * step, y(pixels(value))]]);
        return (back ? points.reverse() : points)
            .map(([px, py]) => `${px.toFixed(1)} ${py.toFixed(1)}`).join("L");
    };
    const places = hours.map(({at}, place) => ({
        x: BOX.left + place * step,
        text: at.getHours() === 0 ? day_text(at).slice(5) : clock_text(at),
        keep: at.getHours() % 3 === 0,
    })).filter(({keep}) => keep);
    const chosen = index === null ? null : hours[index];
    return html`<div ref=${ref}>
        <${Walk} label="Money an hour" on=${on} reading=${chosen
            && html`<b>${clock_text(chosen.at)}–${
            clock_text(new Date(chosen.at.getTime() + 3_600_000))}
                </b> ${money_text(totals[index], currency)}: ${
            kinds.filter((kind) => chosen.parts[kind] > 0n).map((kind) =>
                `${kind_word(kind)} ${money_text(chosen.parts[kind], currency)}`).join(", ")
                    || "nothing"}`}>
        <svg width=${width} height=${HEIGHT} role="img"
            aria-label="Stacked steps of money an hour by kind of source">
            <${AxisY} values=${scale} y=${y} left=${BOX.left} right=${width - BOX.right} />
            ${layers.map(({kind, lower, upper}) =>
                html`<g key=${kind}>${runs(lower, upper).map((run) => html`<g key=${run.from}>
                <path d=${`M${outline(upper, run)}L${outline(lower, run, true)}Z`}
                    class=${`fill-${kind}`} />
                <path d=${`M${outline(upper, run)}`} class=${`edge-${kind}`} /></g>`)}</g>`)}
            <${AxisX} places=${places} y=${HEIGHT - BOX.bottom} width=${width} />
            ${index !== null && html`<rect x=${BOX.left + index * step} y=${BOX.top} width=${step}
                height=${HEIGHT - BOX.top - BOX.bottom} class="cursor" />`}
        </svg><//></div>`;
}

/// The hours document as the chart wants it: every hour of the last `count`, also the empty ones. The
/// last is the one in which the document ends, whatever the reader's clock says.
export function hours_of(document, count) {
    const known = new Map(document.hours.map((hour) => [date_of(hour.at).getTime(), hour]));
    const newest = Math.floor((date_of(document.until).getTime() - 1) / 3_600_000) * 3_600_000;
    return Array.from({length: count}, (_, back) => {
        const at = newest - (count - 1 - back) * 3_600_000;
        const hour = known.get(at);
        // What a bill said otherwise belongs to the rental, as in the table of spending.
        const part = (kind) => (hour ? nanos(hour[kind]) : 0n)
            + (kind === "rental" && hour?.adjust ? nanos(hour.adjust) : 0n);
        return {at: new Date(at),
            parts: Object.fromEntries(KINDS.map((kind) => [kind, part(kind)]))};
    });
}

export function hours_table(hours, currency) {
    return {
        columns: [{label: "hour"},
            ...KINDS.map((kind) => ({label: `${kind_word(kind)} (${currency})`, align: "right"})),
                  {label: `total (${currency})`, align: "right"}],
        rows: hours.map(({at, parts}) => [
            utc_text(at), ...KINDS.map((kind) => exact(parts[kind])),
            exact(KINDS.reduce((all, kind) => all + parts[kind], 0n))]),
    };
}
