// What the power of own hardware cost, and what its wear is worth, a day at a time.
import {Days} from "../charts/days.js";
import {html} from "../lib/h.js";
import {exact, nanos, percent_text, permille} from "../lib/money.js";
import {days_between} from "../lib/time.js";
import {Figure} from "../parts/figure.js";
import {Money} from "../parts/money.js";

const LAYERS = [{id: "work", word: "work", fill: "fill-own"},
    {id: "idle", word: "idle", fill: "fill-own-soft"},
    {id: "host", word: "host", fill: "fill-track"}];
const NOTHING = {work: 0n, idle: 0n, host: 0n, wear: 0n};

/// [{day, parts, wear, total}] of the power and the wear that are in this currency.
function days_of(rows, currency) {
    const by_day = new Map();
    for (const row of rows) {
        const sums = by_day.get(row.day) ?? {...NOTHING};
        if (row.currency === currency) {
            LAYERS.forEach(({id}) => { sums[id] += nanos(row[id]); });
        }
        if (row.wear_currency === currency) {
            sums.wear += nanos(row.wear);
        }
        by_day.set(row.day, sums);
    }
    const keys = [...by_day.keys()].sort();
    return days_between(keys[0], keys[keys.length - 1]).map((day) => {
        const {wear, ...parts} = by_day.get(day) ?? NOTHING;
        return {day, parts, wear, total: parts.work + parts.idle + parts.host};
    });
}

function One({document, currency, alone}) {
    const days = days_of(document.energy, currency);
    const total = days.reduce((sum, day) => sum + day.total, 0n);
    const idle = days.reduce((sum, day) => sum + day.parts.idle, 0n);
    const wear = days.reduce((sum, day) => sum + day.wear, 0n);
    const estimated = document.energy.some((row) =>
        row.currency === currency && row.estimated_microjoules > 0);
    // The command line adds up what it turns into one currency: it has these sums where there is one.
    const money = (amount, name) => html`<${Money} amount=${amount} currency=${currency}
        figure=${alone ? `energy.${name}` : undefined} />`;
    return html`<${Figure} title=${`What the power cost${alone ? "" : `, in ${currency}`}`}
        name=${alone ? "energy" : `energy-${currency}`} wide
        finding=${html`${money(total, "power")} in these
            days, ${percent_text(permille(idle, total))} of it while idle.${wear > 0n && html` The hardware lost ${money(wear, "wear")} in worth
            meanwhile.`}`}
        legend=${html`<ul class="legend">
            ${LAYERS.map(({id, word, fill}) =>
            html`<li key=${id}>
            <svg class="swatch" width="12" height="12" aria-hidden="true">
            <rect width="12" height="12" rx="2" class=${fill} /></svg>${word}</li>`)}</ul>`}
        note=${estimated ? "Part of it is an estimate: no energy counter measured it." : null}
        data=${{columns: [{label: "day"},
            ...LAYERS.map(({word}) => ({label: word, align: "right"})),
            {label: `total (${currency})`, align: "right"},
            {label: `wear (${currency})`, align: "right"}],
                rows: days.map((day) => [day.day, ...LAYERS.map(({id}) => exact(day.parts[id])),
                    exact(day.total), exact(day.wear)])}}>
        <${Days} days=${days} layers=${LAYERS} currency=${currency} /><//>`;
}

export function Energy({document}) {
    const currencies = [...new Set(document.energy.flatMap((row) =>
        [row.currency, row.wear_currency]))].filter(Boolean);
    return currencies.map((currency) => html`<${One} key=${currency} document=${document}
        currency=${currency} alone=${currencies.length === 1} />`);
}
