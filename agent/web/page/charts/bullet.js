// A budget on one straight scale: spent, held, pace, forecast and limit.
import {html} from "../lib/h.js";
import {greatest, pixels} from "../lib/money.js";
import {useWidth} from "./plot.js";

const HEIGHT = 26;

/// All amounts in nano-units (BigInt). `pace`: share of the window that has passed, 0..1, or null.
/// `forecast`: {low, mid, high} or null.
export function Bullet({label, spent, held = 0n, limit, forecast = null, pace = null}) {
    const [ref, width] = useWidth(280);
    const end = pixels(greatest([limit, spent + held, forecast?.high ?? 0n])) * 1.04 || 1;
    const x = (value) => Math.min(width, (pixels(value) / end) * width);
    const over = spent + held > limit;
    return html`<div class="bullet" ref=${ref}>
        <svg width=${width} height=${HEIGHT} role="img" aria-label=${label}>
            <rect x="0" y="5" width=${width} height="16" class="track" />
            <rect x="0" y="5" width=${x((limit * 6n) / 10n)} height="16" class="track-low" />
            ${forecast && html`<rect x=${x(forecast.low)} y="9" height="8" class="band"
                width=${Math.max(1, x(forecast.high) - x(forecast.low))} />`}
            ${held > 0n && html`<rect x=${x(spent)} y="9"
                width=${Math.max(1, x(spent + held) - x(spent))} height="8" class="held" />`}
            <rect x="0" y="9" width=${Math.max(spent > 0n ? 1 : 0,
                x(spent))} height="8" class=${over ? "spent over" : "spent"} />
            ${forecast && html`<path d=${`M${x(forecast.mid)} 7l4 6l-4 6l-4 -6z`}
                class="forecast" />`}
            ${pace !== null
                && html`<line x1=${x(limit) * pace} x2=${x(limit) * pace} y1="3" y2="23"
                class="pace" />`}
            <line x1=${x(limit)} x2=${x(limit)} y1="1" y2="25" class="limit" />
        </svg>
    </div>`;
}

const KEYS = {spent: "spent", held: "held", pace: "time passed", forecast: "forecast", limit: "limit"};

/// What the marks of a bullet bar mean.
export function BulletKey({words}) {
    return html`<span class="key">${words.map((word) => html`<span key=${word}>
        <i class=${`key-${word}`}></i>${KEYS[word]}</span>`)}</span>`;
}
