// Own GPUs: load, memory, watts, temperature, and what their power costs. One column a GPU, the same
// scales in all of them.
import {Memory, memory_parts} from "../charts/memory.js";
import {Series} from "../charts/series.js";
import {path_with, useDocument} from "../lib/api.js";
import {html, useMemo} from "../lib/h.js";
import {date_of, utc_text} from "../lib/time.js";
import {bytes_text, plural} from "../lib/words.js";
import {Choice, RANGES, range_of} from "../parts/choice.js";
import {Figure} from "../parts/figure.js";
import {FirstRun, WithDocument} from "../parts/states.js";
import {Energy} from "./gpus_energy.js";

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
            <li>memory <b>${gpu.memory_used === null ? "–" : bytes_text(gpu.memory_used)}</b> of
                ${" "}${bytes_text(gpu.memory_total)}</li>
            ${gpu.throttled && html`<li class="warn">slowed: ${gpu.throttled}</li>`}</ul>
            </section>`)}</div>`;
}

/// Who holds the memory, a bar for each GPU on one scale.
function MemoryUse({gpus}) {
    const seen = gpus.filter((gpu) => gpu.memory_used !== null);
    if (seen.length === 0) {
        return null;
    }
    const rows = seen.flatMap((gpu) => [...memory_parts(gpu), {word: "free", pid: null,
        bytes: Math.max(0, gpu.memory_total - gpu.memory_used)}].map((part) => ({gpu, ...part})));
    const most = Math.max(...seen.map((gpu) => gpu.memory_total));
    const largest = rows.filter((row) => row.pid !== null)
        .reduce((best, row) => (row.bytes > (best?.bytes ?? 0) ? row : best), null);
    const finding = largest
        ? `${largest.word} holds the most: ${bytes_text(largest.bytes)} of the ${bytes_text(
            largest.gpu.memory_total)} of GPU ${largest.gpu.index}.`
        : "The driver names no process that holds memory.";
    return html`<${Figure} title="Memory by process" name="gpu-processes" wide finding=${finding}
        data=${{columns: [{label: "GPU"}, {label: "process"}, {label: "process number"},
            {label: "bytes", align: "right"}],
                rows: rows.map((row) => [row.gpu.index, row.word, row.pid ?? "", row.bytes])}}>
        <div class="columns">${seen.map((gpu) => html`<div key=${gpu.uuid}><h3>GPU ${gpu.index}</h3>
            <${Memory} gpu=${gpu} most=${most} /></div>`)}</div><//>`;
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
                    <${MemoryUse} gpus=${document.gpus} />
                    <${Multiples} document=${{...document, fine: since === "24h"}} />
                    <${Energy} document=${document} />`}<//>`;
}
