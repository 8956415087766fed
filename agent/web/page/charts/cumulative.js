// Will the budget hold: the sum so far, where it is going, and the line it must not cross.
import {html} from "../lib/h.js";
import {money_text, pixels} from "../lib/money.js";
import {short_day} from "../lib/time.js";
import {AxisX, AxisY, Walk, ticks, useCursor, useWidth} from "./plot.js";

const HEIGHT = 240;
const BOX = {left: 56, right: 12, top: 12, bottom: 24};

/// days: every day of the window; sums: nano-units at the end of each day so far. `forecast`:
/// [{day, low, mid, high}], the sums by the end of days to come, or null. `limit`: nano-units or null.
export function Cumulative({days, sums, forecast, limit, currency}) {
    const [ref, width] = useWidth();
    const step = (width - BOX.left - BOX.right) / Math.max(1, days.length);
    const [index, on] = useCursor(sums.length, (x) => Math.floor((x - BOX.left) / step));
    const last = sums.length ? sums[sums.length - 1] : 0n;
    const scale = ticks(Math.max(pixels(last), ...(forecast ?? []).map((one) => pixels(one.high)),
        limit === null ? 0 : pixels(limit)));
    const y = (value) => HEIGHT - BOX.bottom - (value / scale[scale.length - 1]) * (
        HEIGHT - BOX.top - BOX.bottom);
    const x = (at) => BOX.left + at * step;
    const line = [[x(0), y(0)], ...sums.map((sum, at) => [x(at + 1), y(pixels(sum))])];
    const path = line.map(([px, py]) => `${px.toFixed(1)} ${py.toFixed(1)}`).join("L");
    const here = [x(sums.length), y(pixels(last))];
    const coming = (forecast ?? []).map((one) => ({...one, x: x(days.indexOf(one.day) + 1)}))
        .filter((one) => one.x > here[0]);
    const along = (key, list = coming) =>
        list.map((one) => `${one.x.toFixed(1)} ${y(pixels(one[key])).toFixed(1)}`).join("L");
    const end = coming[coming.length - 1];
    // Above the band, or below it where the limit's line would cross the text.
    const label_y = ({low, high}) => {
        const above = y(pixels(high)) - 8;
        const at = limit === null ? null : y(pixels(limit));
        return above < BOX.top + 8 || (at !== null && above > at - 6 && above - 12 < at + 6)
            ? y(pixels(low)) + 50 : above;
    };
    return html`<div ref=${ref}>
        <${Walk} label="Sum of the days" on=${on} reading=${index !== null
            && html`<b>by the end of ${
            short_day(days[index])}</b> ${money_text(sums[index], currency)}`}>
        <svg width=${width} height=${HEIGHT} role="img"
            aria-label="Sum of money over the window, with its forecast and the limit">
            <${AxisY} values=${scale} y=${y} left=${BOX.left} right=${width - BOX.right} />
            ${end && html`<path class="band"
                d=${`M${here.join(" ")}L${along("high")}L${along("low",
                [...coming].reverse())}Z`} />
                <path class="going" d=${`M${here.join(" ")}L${along("mid")}`} />`}
            <path class="sum-area" d=${`M${path}L${here[0]} ${y(0)}Z`} />
                <path class="sum-line" d=${`M${path}`} />
            <circle cx=${here[0]} cy=${here[1]} r="3" class="dot" />
            ${limit !== null
                && html`<line x1=${BOX.left} x2=${width - BOX.right} y1=${y(pixels(limit))}
                y2=${y(pixels(limit))} class="limit" />
                <text x=${BOX.left + 6} y=${y(pixels(limit)) + 15}
                    class="strong">limit ${money_text(limit, currency, 2)}</text>`}
            ${end && html`<text x=${end.x - 4} y=${label_y(end)} text-anchor="end"
                class="ink">${money_text(end.mid, currency, 2)}</text>`}
            <${AxisX} y=${HEIGHT - BOX.bottom} width=${width}
                places=${days.map((day, at) => ({x: x(at + 0.5), text: short_day(day)}))} />
            ${index !== null
                && html`<line x1=${x(index + 1)} x2=${x(index + 1)} y1=${BOX.top}
                y2=${HEIGHT - BOX.bottom} class="pace" />`}
        </svg><//></div>`;
}
