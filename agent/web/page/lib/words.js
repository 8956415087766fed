// Words and numbers as people read them: the same ones as on the command line.
import {grouped} from "./money.js";

export const KINDS = ["own", "rental", "api", "waste"];
const KIND_WORDS = {own: "own", rental: "rented", api: "API", waste: "paid, not serving"};
const PHASE_WORDS = {
    serve: "serving", boot: "booting", warm: "warming", idle: "idle", drain: "draining",
    delete: "deleting", minimum: "unused minimum", adjust: "adjusted to the bill",
};

export const kind_word = (kind) => KIND_WORDS[kind] ?? kind;
export const phase_word = (phase) => PHASE_WORDS[phase] ?? phase;

/// 41,208
export const count_text = (number) => grouped(String(number));

/// "61.2M", "22.9k": for tokens and other large counts.
export function short_count(number) {
    for (const [size, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
        if (number >= size) {
            const shown = number / size;
            return `${shown >= 100 ? Math.round(shown) : shown.toFixed(1)}${letter}`;
        }
    }
    return String(number);
}

/// "27.9 GiB"
export function bytes_text(bytes) {
    for (const [size, unit] of [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"],
        [2 ** 10, "KiB"]]) {
        if (bytes >= size) {
            return `${(bytes / size).toFixed(bytes / size >= 100 ? 0 : 1)} ${unit}`;
        }
    }
    return `${bytes} B`;
}

export const plural = (count, one, many = `${one}s`) =>
    `${count_text(count)} ${count === 1 ? one : many}`;

/// "a, b and c"
export function list_text(words) {
    return words.length < 2 ? words.join("")
        : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}

/// A line of a spend report: unlike others, and as it is shown.
export const line_key = (line) => `${line.kind}/${line.label}${line.synthetic ? "/synthetic" : ""}`;
export const line_name = (line) => `${line.label}${line.synthetic ? " (synthetic)" : ""}`;
