// How long requests waited, hour by hour: each column is an hour, each row a length of wait, darker
// where more of that hour's requests waited so long.
import {html} from "../lib/h.js";
import {percent_text} from "../lib/money.js";
import {clock_text, date_of, day_text, duration_text} from "../lib/time.js";
import {plural} from "../lib/words.js";
import {AxisX, Walk, useCursor, useWidth} from "./plot.js";

const ROW = 17;
const LEFT = 74;
const HOUR_US = 3600e6;

export const bucket_word = (limits, at) =>
    (at < limits.length ? `≤ ${limit_word(limits[at])}` : `> ${limit_word(
    limits[limits.length - 1])}`);

/// "300 ms", "10 s", "2 min": limits are round.
const limit_word = (ms) =>
    (ms % 60_000 === 0 ? `${ms / 60_000} min` : ms % 1_000 === 0 ? `${ms / 1_000} s` : `${ms} ms`);

export function Heat({hours, limits}) {
    const [ref, width] = useWidth();
    const first = hours[0].hour_us;
    const count = Math.round((hours[hours.length - 1].hour_us - first) / HOUR_US) + 1;
    const step = (width - LEFT - 6) / count;
    const x = (us) => LEFT + ((us - first) / HOUR_US) * step;
    const [index, on] = useCursor(hours.length, (px) =>
        hours.findIndex((hour) => px >= x(hour.hour_us) && px < x(hour.hour_us) + step));
    const rows = limits.length + 1;
    const chosen = index === null ? null : hours[index];
    const every = Math.max(1, Math.round(count / 9));
    const places = Array.from({length: Math.ceil(count / every)}, (_, at) => {
        const date = date_of(first + at * every * HOUR_US);
        return {x: x(first + at * every * HOUR_US) + step / 2, text: count > 48
            || date.getHours() === 0 ? day_text(date).slice(5) : clock_text(date)};
    });
    return html`<div ref=${ref}><${Walk} label="Waits by hour" on=${on} reading=${chosen
        && html`<b>${day_text(date_of(chosen.hour_us))
        .slice(5)} ${clock_text(date_of(chosen.hour_us))}</b> ${
        plural(chosen.requests, "request")}; half waited at
            most ${duration_text(chosen.p50_ms / 1000)}, 95 of 100 at
            most ${duration_text(chosen.p95_ms / 1000)}`}>
        <svg width=${width} height=${rows * ROW
            + 24} role="img" aria-label="Heat strip of waits by hour">
            ${Array.from({length: rows}, (_, at) =>
                html`<text key=${at} x=${LEFT - 6} y=${(rows - 1 - at) * ROW + 12}
                text-anchor="end">${bucket_word(limits, at)}</text>`)}
            ${hours.map((hour) =>
                html`<g key=${hour.hour_us}>
                ${hour.buckets.map((number, at) => number > 0
                && html`<rect key=${at} x=${x(hour.hour_us)} y=${(rows - 1 - at) * ROW}
                width=${Math.max(1, step - (step > 4 ? 1 : 0))} height=${ROW - 1} class="warmth"
                    fill-opacity=${(0.1 + 0.9 * Math.sqrt(number / hour.requests)).toFixed(2)}>
                    <title>${percent_text(Math.round((number / hour.requests) * 1000))}</title>
                    </rect>`)}</g>`)}
            ${chosen && html`<rect x=${x(chosen.hour_us)} y="0" width=${step} height=${rows * ROW}
                class="cursor" />`}
            <${AxisX} y=${rows * ROW} width=${width} places=${places} />
        </svg><//></div>`;
}
