// Own GPUs: load, memory, watts, temperature, and what their power costs. One column a GPU, the same
// scales in all of them.
import {Days} from "../charts/days.js";
import {Memory} from "../charts/memory.js";
import {Series} from "../charts/series.js";
import {path_with, useDocument} from "../lib/api.js";
import {html, useMemo} from "../lib/h.js";
import {exact, money_text, nanos, percent_text, permille} from "../lib/money.js";
import {date_of, days_between, utc_text} from "../lib/time.js";
import {bytes_text, plural} from "../lib/words.js";
import {Choice, RANGES, range_of} from "../parts/choice.js";
import {Figure} from "../parts/figure.js";
import {FirstRun, WithDocument} from "../parts/states.js";

const watts_text = (value) => `${Math.round(value)} W`;
const MEASURES = [
    {key: "watts", word: "Power", unit: "W", ink: "--own", format: watts_text},
    {key: "utilisation", word: "Load", unit: "%", ink: "--api", format: (value) =>
        `${Math.round(value)} %`, top: 100},
    {key: "temperature", word: "Temperature", unit: "°C", ink: "--rental", format: (value) =>
        `${Math.round(value)} °C`},
    {key: "memory", word: "Memory", unit: "GiB", ink: "--own", format: (value) =>
        `${value.toFixed(value < 10 ? 1 : 0)} GiB`, scale: 2 ** 30},
];

/// Rows of one GPU as seconds and values, with holes where nothing was measured.
function series_of(rows, gpu, at, measure, gap_s) {
    const times = [];
    const values = [];
    for (const row of rows.filter((one) => one.gpu === gpu.uuid || one.gpu === gpu.index)) {
        const time = row[at] / 1e6;
        if (times.length && time - times[times.length - 1] > gap_s * 1.5) {
            times.push(times[times.length - 1] + gap_s);
            values.push(null);
        }
        times.push(time);
        values.push(row[measure.key] == null ? null : row[measure.key] / (measure.scale ?? 1));
    }
    return {times, values};
}

function One({gpu, rows, at, measure, gap_s, most}) {
    const {times, values} =
        useMemo(() => series_of(rows, gpu, at, measure, gap_s), [rows, gpu.uuid, at]);
    const lines = useMemo(() => [{word: measure.word, values, ink: measure.ink}], [values]);
    return html`<${Series} times=${times} lines=${lines} format=${measure.format} most=${most}
        height=${118}
        label=${`${measure.word} of GPU ${gpu.index} over time`} />`;
}

function Multiples({document}) {
    const fine = document.minutes.length > 0
        && document.minutes.length <= 60 * 24 * document.gpus.length + 10;
    const [rows, at, gap_s] = fine
        && (document.hours.length < 30 * document.gpus.length || document.fine)
        ? [document.minutes, "minute_us", 60] : [document.hours, "hour_us", 3600];
    if (rows.length === 0) {
        return null;
    }
    return html`<div class="grid multiples">${MEASURES.map((measure) => {
        const values = rows.map((row) => (row[measure.key] ?? 0) / (measure.scale ?? 1));
        const most = Math.max(measure.top ?? 0, ...values);
        const highest = rows.reduce((best, row) =>
            ((row[measure.key] ?? -1) > (best[measure.key] ?? -1) ? row : best), rows[0]);
        const name = document.gpus.find((gpu) => gpu.uuid === highest.gpu
            || gpu.index === highest.gpu);
        return html`<${Figure} key=${measure.key} title=${measure.word} name=${`gpu-${measure.key}`}
            finding=${`The highest was ${measure.format(
                (highest[measure.key] ?? 0) / (measure.scale ?? 1))}${name
                ? `, on GPU ${name.index}` : ""}.`}
            data=${{columns: [{label: "GPU"}, {label: gap_s === 60 ? "minute" : "hour"},
                {label: `${measure.word} (${measure.unit})`, align: "right"}],
                    rows: rows.map((row) =>
                        [row.gpu, utc_text(date_of(row[at])),
                        ((row[measure.key] ?? 0) / (measure.scale ?? 1)).toFixed(1)])}}>
            <div class="columns">${document.gpus.map((gpu) =>
                html`<div key=${gpu.uuid}><h3>GPU ${gpu.index}</h3>
                <${One} gpu=${gpu} rows=${rows} at=${at} gap_s=${gap_s} measure=${measure}
                    most=${most} /></div>`)}</div><//>`;
    })}</div>`;
}

function Cards({document}) {
    return html`<div class="grid">
        ${document.gpus.map((gpu) =>
        html`<section class="fig" key=${gpu.uuid} aria-label=${`GPU ${gpu.index}`}>
        <h2>GPU ${gpu.index} <span class="dim">${gpu.name}</span></h2>
        ${gpu.sick && html`<p class="bad"><b>Sick:</b> ${gpu.why}. It gets no new work.</p>`}
        <ul class="facts"><li>load <b>${gpu.utilisation === null ? "–"
            : `${gpu.utilisation} %`}</b></li>
            <li>power <b>${gpu.watts === null ? "–"
                : watts_text(gpu.watts)}</b>${gpu.watts_limit != null
                && ` of ${watts_text(gpu.watts_limit)}`}</li>
            <li>temperature <b>${gpu.temperature === null ? "–" : `${gpu.temperature} °C`}</b></li>
            ${gpu.throttled && html`<li class="warn">slowed: ${gpu.throttled}</li>`}</ul>
        ${gpu.memory_used !== null
            && html`<${Memory} total=${gpu.memory_total} used=${gpu.memory_used}
            processes=${gpu.processes} />`}</section>`)}</div>`;
}

const LAYERS = [{id: "work", word: "work", fill: "fill-own"},
    {id: "idle", word: "idle", fill: "fill-own-soft"},
    {id: "host", word: "host", fill: "fill-track"}];

function Energy({document}) {
    const currency = document.energy[0]?.currency;
    const rows = document.energy.filter((row) => row.currency === currency);
    if (rows.length === 0) {
        return null;
    }
    const by_day = new Map();
    for (const row of rows) {
        const parts = by_day.get(row.day) ?? {work: 0n, idle: 0n, host: 0n};
        LAYERS.forEach(({id}) => { parts[id] += nanos(row[id]); });
        by_day.set(row.day, parts);
    }
    const keys = [...by_day.keys()].sort();
    const days = days_between(keys[0], keys[keys.length - 1]).map((day) => {
        const parts = by_day.get(day) ?? {work: 0n, idle: 0n, host: 0n};
        return {day, parts, total: parts.work + parts.idle + parts.host};
    });
    const total = days.reduce((sum, day) => sum + day.total, 0n);
    const idle = days.reduce((sum, day) => sum + day.parts.idle, 0n);
    const estimated = rows.some((row) => row.estimated_microjoules > 0);
    return html`<${Figure} title="What the power cost" name="energy" wide
        finding=${`${money_text(total,
        currency)} in these days, ${percent_text(permille(idle, total))} of it while idle.`}
        legend=${html`<ul class="legend">
            ${LAYERS.map(({id, word, fill}) =>
            html`<li key=${id}>
            <svg class="swatch" width="12" height="12" aria-hidden="true">
            <rect width="12" height="12" rx="2" class=${fill} /></svg>${word}</li>`)}</ul>`}
        note=${estimated ? "Part of it is an estimate: no energy counter measured it." : null}
        data=${{columns: [{label: "day"},
            ...LAYERS.map(({word}) => ({label: word, align: "right"})),
            {label: `total (${currency})`, align: "right"}],
                rows: days.map((day) =>
                    [day.day, ...LAYERS.map(({id}) => exact(day.parts[id])), exact(day.total)])}}>
        <${Days} days=${days} layers=${LAYERS} currency=${currency} /><//>`;
}

export function Gpus({query}) {
    const since = range_of(query, "24h");
    const from = useDocument(path_with("/ui/api/gpus", {since}), 15_000);
    return html`<div class="choices">
        <${Choice} label="Time" name="since" value=${since} options=${RANGES} /></div>
        <${WithDocument} from=${from} what="Own GPUs">${(document) => document.gpus.length === 0
            ? html`<${FirstRun} title="No GPU of your own is seen." command="evenkeel doctor">
                ${document.trouble
                ? `${document.trouble}. ` : ""}With NVIDIA's driver on this host their load, memory,
                power and temperature stand here.<//>
                <${Energy} document=${document} />`
            : html`<p class="lead">
                <b>${plural(document.gpus.length, "GPU")}
                </b>, ${watts_text(
                document.gpus.reduce((sum, gpu) => sum + (gpu.watts ?? 0), 0))} drawn, ${
                bytes_text(
                    document.gpus.reduce((sum, gpu) => sum + (gpu.memory_used ?? 0),
                    0))} of ${bytes_text(
                    document.gpus.reduce((sum, gpu) => sum + gpu.memory_total, 0))} of memory
                    used.</p>
                <${Cards} document=${document} />
                    <${Multiples} document=${{...document, fine: since === "24h"}} />
                    <${Energy} document=${document} />`}<//>`;
}
