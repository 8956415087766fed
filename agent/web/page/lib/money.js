// Money is decimal text in every document. It is added and compared here as whole nano-units in
// BigInt, never in floating point; `pixels` alone makes a Number of it, to place a mark on a chart.

const DIGITS = 9;
const UNIT = 10n ** BigInt(DIGITS);
const SIGNS = {AUD: "A$", USD: "US$"};
const SHAPE = /^(-?)(\d+)(?:\.(\d+))?$/;

/// Nano-units of a decimal text, as the documents carry it. Throws RangeError for anything else.
export function nanos(text) {
    // A JSON number has been through floating point: it is refused, not read.
    const parts = typeof text === "string" ? SHAPE.exec(text) : null;
    if (!parts || (parts[3] ?? "").length > DIGITS) {
        throw new RangeError(`not an amount of money: ${text}`);
    }
    const value = BigInt(parts[2]) * UNIT + BigInt((parts[3] ?? "").padEnd(DIGITS, "0"));
    return parts[1] ? -value : value;
}

function decimal(value, decimals) {
    const negative = value < 0n;
    const digits = (negative ? -value : value).toString().padStart(decimals + 1, "0");
    const whole = digits.slice(0, digits.length - decimals);
    const rest = decimals ? `.${digits.slice(digits.length - decimals)}` : "";
    return `${negative ? "-" : ""}${whole}${rest}`;
}

/// Exact decimal text of nano-units, at least two decimals: what the documents write.
export function exact(value) {
    return decimal(value, DIGITS).replace(/(\.\d\d\d*?)0+$/, "$1");
}

/// Quotient rounded half to even, as the command line rounds.
export function divide(value, by) {
    const negative = (value < 0n) !== (by < 0n);
    const [a, b] = [value < 0n ? -value : value, by < 0n ? -by : by];
    let quotient = a / b;
    const twice = (a % b) * 2n;
    if (twice > b || (twice === b && quotient % 2n === 1n)) {
        quotient += 1n;
    }
    return negative ? -quotient : quotient;
}

/// "1246.42": rounded half to even.
export function rounded(value, decimals) {
    return decimal(divide(value, 10n ** BigInt(DIGITS - decimals)), decimals);
}

/// Thousands set apart by commas; works on any decimal text.
export function grouped(text) {
    const [whole, rest] = text.split(".");
    const apart = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
    return rest === undefined ? apart : `${apart}.${rest}`;
}

/// Enough decimals to tell small amounts apart: two from one unit on (and for nothing), else four,
/// or as many as show two digits of a very small one.
export function decimals_for(value) {
    const size = value < 0n ? -value : value;
    if (size === 0n || size >= UNIT) {
        return 2;
    }
    return size >= UNIT / 1000n ? 4 : Math.min(DIGITS, DIGITS - size.toString().length + 2);
}

/// "A$1,246.42". `decimals` when a column wants all of its amounts alike.
export function money_text(text, currency, decimals) {
    const value = typeof text === "bigint" ? text : nanos(text);
    const number = grouped(rounded(value, decimals ?? decimals_for(value)));
    const sign = number.startsWith("-") ? "-" : "";
    const plain = sign ? number.slice(1) : number;
    const mark = SIGNS[currency];
    return mark ? `${sign}${mark}${plain}` : `${sign}${currency ? `${currency} ` : ""}${plain}`;
}

/// Sum of decimal texts, in nano-units. All must be of one currency; the caller sees to that.
export function sum(texts) {
    return texts.reduce((all, text) => all + nanos(text), 0n);
}

export function greatest(values) {
    return values.reduce((most, value) => (value > most ? value : most), 0n);
}

/// Share of a whole in tenths of a percent, rounded; 0 of nothing.
export function permille(part, whole) {
    return whole === 0n ? 0 : Number(divide(part * 1000n, whole));
}

/// "47 %", "0.4 %": of a share in tenths of a percent.
export function percent_text(tenths) {
    return tenths !== 0 && Math.abs(tenths) < 100
        ? `${(tenths / 10).toFixed(1)}\u00a0%` : `${Math.round(tenths / 10)}\u00a0%`;
}

/// For the place of a mark on a chart only, never for a figure that is shown.
export function pixels(value) {
    return Number(typeof value === "bigint" ? value : nanos(value)) / Number(UNIT);
}
