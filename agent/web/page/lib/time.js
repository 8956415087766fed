// Times are shown in the reader's zone; UTC stands in the title and in `datetime`.

const pad = (number) => String(number).padStart(2, "0");

/// A Date of RFC 3339 text, of microseconds since 1970, of "2026-11-26 10:31 UTC", or of a Date.
export function date_of(value) {
    if (value === null || value === undefined || value === "") {
        return null;
    }
    if (value instanceof Date) {
        return value;
    }
    const date = typeof value === "number" ? new Date(value / 1000)
        : new Date(value.replace(/^(\S+) (\S+) UTC$/, "$1T$2Z"));
    return Number.isNaN(date.getTime()) ? null : date;
}

export function utc_text(date) {
    return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

export function day_text(date) {
    return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

export function clock_text(date, seconds = false) {
    const tail = seconds ? `:${pad(date.getSeconds())}` : "";
    return `${pad(date.getHours())}:${pad(date.getMinutes())}${tail}`;
}

/// "10:31:07" of today, else "2026-11-24 10:31".
export function local_text(date, now = new Date()) {
    return day_text(date) === day_text(now)
        ? clock_text(date, true) : `${day_text(date)} ${clock_text(date)}`;
}

/// A moment to count from, some seconds back: by the clock that nobody sets, and by the one that goes on
/// while the computer sleeps.
export const moment = (back_s = 0) =>
    ({steady: performance.now() - back_s * 1000, wall: Date.now() - back_s * 1000});

export const seconds_since = ({steady, wall}) =>
    Math.max(0, performance.now() - steady, Date.now() - wall) / 1000;

/// "14m 20s", "3h 05m", "12d 04h".
export function duration_text(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    if (Math.round(seconds * 1000) < 1000) {
        return seconds > 0 ? `${Math.round(seconds * 1000)} ms` : "0 s";
    }
    if (s < 60) {
        return seconds < 10 ? `${seconds.toFixed(1)} s` : `${s} s`;
    }
    if (s < 3600) {
        return `${Math.floor(s / 60)}m ${pad(s % 60)}s`;
    }
    return s < 86400 ? `${Math.floor(s / 3600)}h ${pad(Math.floor((s % 3600) / 60))}m`
        : `${Math.floor(s / 86400)}d ${pad(Math.floor((s % 86400) / 3600))}h`;
}

/// "just now", "14 min ago", "26 h ago", "146 days ago".
export function ago_text(seconds) {
    if (seconds < 5) {
        return "just now";
    }
    if (seconds < 60) {
        return `${Math.floor(seconds)} s ago`;
    }
    if (seconds < 3600) {
        return `${Math.floor(seconds / 60)} min ago`;
    }
    return seconds < 48 * 3600 ? `${Math.floor(seconds / 3600)} h ago`
        : `${Math.floor(seconds / 86400)} days ago`;
}

/// "26 Nov" of a day written 2026-11-26, whatever the reader's zone.
export function short_day(day) {
    const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
    const [, month, date] = day.split("-");
    return `${Number(date)} ${months[Number(month) - 1]}`;
}

/// Every day from the first to the last, both written 2026-11-26.
export function days_between(first, last) {
    const days = [];
    for (let at = Date.parse(`${first}T00:00:00Z`); at <= Date.parse(`${last}T00:00:00Z`) &&
         days.length < 4000; at += 86_400_000) {
        days.push(new Date(at).toISOString().slice(0, 10));
    }
    return days;
}
