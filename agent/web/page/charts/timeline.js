// Each machine's life on one clock: overlaps, gaps and waste are lengths. The arrow keys walk through
// the parts of all lives.
import {html} from "../lib/h.js";
import {money_text} from "../lib/money.js";
import {clock_text, date_of, day_text, duration_text, local_text} from "../lib/time.js";
import {phase_word} from "../lib/words.js";
import {AxisX, Walk, useCursor, useWidth} from "./plot.js";

const ROW = 30;
const STEPS_S = [5, 10, 15, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400,
    7 * 86400, 14 * 86400];
const FILLS = {boot: "waste", warm: "waste", serve: "rental-busy", idle: "rental-idle",
    drain: "rental", delete: "waste", minimum: "waste"};

/// What is drawn of a machine: the unpaid time before and after its paid phases, and these. Times in us.
export function parts_of(machine, now_us) {
    const end = machine.gone_us ?? now_us;
    const paid = machine.phases.filter((phase) => phase.phase !== "adjust").map((phase) => ({
        word: phase_word(phase.phase), fill: FILLS[phase.phase] ?? "waste", from: phase.from_us,
            to: phase.to_us ?? now_us, billed: phase.billed}));
    const first = paid.length ? paid[0].from : end;
    const last = paid.length ? Math.max(...paid.map((part) => part.to)) : end;
    const unpaid = [{word: "wanted, creating", fill: "none", from: machine.created_us, to: first,
        billed: null},
                    {word: "being proved gone", fill: "none", from: last, to: end, billed: null}];
    return [unpaid[0], ...paid, unpaid[1]].filter((part) => part.to > part.from);
}

/// Machines of one name follow each other in one lane, as long as they do not overlap.
export function lanes_of(machines, now_us) {
    const lanes = [];
    for (const machine of [...machines].sort((a, b) => a.created_us - b.created_us)) {
        const free = lanes.find((lane) => lane.name === machine.name && lane.end <= machine.created_us);
        const lane = free ?? {name: machine.name, lives: []};
        if (!free) {
            lanes.push(lane);
        }
        lane.end = machine.gone_us ?? now_us;
        lane.lives.push({machine, parts: parts_of(machine, now_us)});
    }
    return lanes.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function clock_places(from, to, x) {
    const step = (STEPS_S.find((one) => (to - from) / 1e6 / one <= 9) ?? 30 * 86400) * 1e6;
    const offset = new Date(from / 1000).getTimezoneOffset() * 60e6;
    const places = [];
    for (let at = Math.ceil((from - offset) / step) * step + offset; at < to; at += step) {
        const date = date_of(at);
        places.push({x: x(at), text: step >= 86400e6 || date.getHours() + date.getMinutes() === 0
            ? day_text(date).slice(5) : clock_text(date, step < 60e6)});
    }
    return places;
}

export function Timeline({machines, from, now_us}) {
    const [ref, width] = useWidth();
    const label = width < 560 ? 78 : 132;
    const x = (us) => label + ((us - from) / Math.max(1, now_us - from)) * (width - label - 8);
    const rows = lanes_of(machines, now_us);
    const marks = rows.flatMap(({lives}, row) => lives.flatMap(({machine, parts}) =>
        parts.map((part) => ({machine, part, row}))));
    const [index, on] = useCursor(marks.length, (px, py) => marks.findIndex(({part, row}) =>
        row === Math.floor(py / ROW) && px >= x(part.from) - 1
            && px <= Math.max(x(part.to), x(part.from) + 3)));
    const chosen = index === null ? null : marks[index];
    const height = rows.length * ROW + 24;
    return html`<div ref=${ref}><${Walk} label="Timeline of machines" on=${on} reading=${chosen
        && html`<b>${chosen.machine.name}</b> ${
        chosen.part.word} for ${duration_text(
            (chosen.part.to - chosen.part.from) / 1e6)} from ${local_text(
            date_of(chosen.part.from))}, ${
        chosen.part.billed === null ? "not paid"
            : money_text(chosen.part.billed, chosen.machine.currency)}`}>
        <svg width=${width} height=${height} role="img"
            aria-label="Each machine's life from wanted to gone on one clock">
            ${rows.map(({name, lives}, row) => html`<g key=${row}
                transform=${`translate(0 ${row * ROW})`}>
                <text x="0" y="19" class=${lives.some(({machine}) => machine.gone_us === null)
                    ? "strong" : "ink"}>${name.slice(0, Math.floor(label / 7))}</text>
                <line x1=${label} x2=${width - 8} y1="15" y2="15" class="lane" />
                ${lives.map(({machine, parts}) => html`<g key=${machine.id}>${parts.map((part) =>
                    html`<rect key=${part.from} x=${x(part.from)} y=${part.fill === "none" ? 11 : 5}
                        width=${Math.max(1, x(part.to) - x(part.from))}
                        height=${part.fill === "none" ? 8 : 20} class=${`phase phase-${part.fill}`} />`)}
                    ${machine.gone_us !== null
                        && html`<path d=${`M${x(machine.gone_us)} 3v24`} class="end" />`}</g>`)}</g>`)}
            ${chosen && html`<rect x=${x(chosen.part.from) - 1.5} y=${chosen.row * ROW + 3}
                height="24" class="chosen"
                width=${Math.max(1, x(chosen.part.to) - x(chosen.part.from)) + 3} />`}
            <${AxisX} y=${rows.length * ROW} width=${width} places=${clock_places(from, now_us,
                x)} />
        </svg><//></div>`;
}
