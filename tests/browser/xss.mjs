// Texts that would run if any of them were taken for markup, a script or a format.
export const PAYLOADS = [
    "<img src=x onerror=pwn()>", "\"><script>pwn()</script>", "<svg/onload=pwn()>",
        "'><iframe srcdoc=\"<script>parent.pwn()</script>\">",
    "</title></style></textarea><script>pwn()</script>", "<a href=\"javascript:pwn()\">x</a>",
        "javascript:pwn()", "${pwn()}", "{{constructor.constructor('pwn()')()}}",
    "<math><mtext><table><mglyph><style><img src=x onerror=pwn()>", "<details open ontoggle=pwn()>",
        "`-pwn()-`", "\u202egnp.exe<b onmouseover=pwn()>", "&lt;script&gt;pwn()&lt;/script&gt;",
    "<body onload=pwn()>", "<base href=\"http://127.0.0.1:9/\">", "<style>*{display:none}</style>",
        "__proto__", "=HYPERLINK(\"http://127.0.0.1:9/\")", "\u0000\u0007<script>pwn()</script>"];

// What is no free text: words of the documents' own, and figures.
const FIXED = new Set(["schema", "kind", "state", "phase", "level", "currency", "per", "by",
    "meter", "unit", "to_state", "status", "gone_how", "used_currency", "amount", "rule",
                       "recommended", "what:kind"]);
const FIGURE = /^-?\d+(\.\d+)?$/;
const TIME = /^\d{4}-\d\d(-\d\d)?([T ].*)?$/;

/// The same document with a payload behind every free text.
export function poisoned(document) {
    let at = 0;
    const walk = (value, key) => {
        if (Array.isArray(value)) {
            return value.map((one) => walk(one, key));
        }
        if (value && typeof value === "object") {
            return Object.fromEntries(Object.entries(value)
                .map(([name, one]) => [name, walk(one, name)]));
        }
        if (typeof value !== "string" || FIXED.has(key) || FIGURE.test(value) || TIME.test(value)) {
            return value;
        }
        return `${value}${PAYLOADS[at++ % PAYLOADS.length]}`;
    };
    return walk(document, "");
}
