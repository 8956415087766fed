// The page's own arithmetic and texts, without a browser.
import assert from "node:assert/strict";
import {createHash} from "node:crypto";
import {readFileSync, readdirSync, existsSync, statSync} from "node:fs";
import {dirname, join} from "node:path";
import {test} from "node:test";
import {fileURLToPath} from "node:url";
import {csv_field, csv_text} from "../../agent/web/page/lib/csv.js";
import {diff_lines, near_changes} from "../../agent/web/page/lib/diff.js";
import {decimals_for, divide, exact, grouped, money_text, nanos, percent_text, permille, rounded,
    sum} from "../../agent/web/page/lib/money.js";
import {ago_text, days_between, duration_text, short_day,
    date_of} from "../../agent/web/page/lib/time.js";

const web = join(dirname(fileURLToPath(import.meta.url)), "../../agent/web");
const all_files = (folder) => readdirSync(folder)
    .flatMap((name) => statSync(join(folder, name)).isDirectory()
    ? all_files(join(folder, name)) : [join(folder, name)]);

test("money: amounts are read to the last nano-unit and written back the same", () => {
    for (const text of ["0.00", "1.976850782", "-0.000000001", "9223372036.854775807", "17.9409",
        "2.10", "-12.50"]) {
        assert.equal(exact(nanos(text)), text);
    }
    assert.equal(nanos("3"), 3_000_000_000n);
    assert.equal(exact(nanos("3")), "3.00");
});

test("money: what is no amount is refused, not taken for nothing", () => {
    for (const text of ["", "1,5", "1e3", "NaN", " 1", "1.", ".5", "1.0000000001", "--1", null,
        undefined, 1.5]) {
        assert.throws(() => nanos(text), RangeError, String(text));
    }
});

test("money: sums do not drift as floating point does", () => {
    assert.equal(exact(sum(Array.from({length: 1000}, () => "0.1"))), "100.00");
    assert.equal(exact(sum(["9007199254.740993", "0.000000001"])), "9007199254.740993001");
    assert.notEqual(Array.from({length: 1000}, () => 0.1).reduce((a, b) => a + b), 100);
});

test("money: halves round to even, as on the command line", () => {
    const cases = [["0.125", 2, "0.12"], ["0.135", 2, "0.14"], ["0.115", 2, "0.12"],
        ["-0.125", 2, "-0.12"], ["1.005", 2, "1.00"], ["1.0051", 2, "1.01"], ["2.5", 0, "2"],
        ["3.5", 0, "4"]];
    for (const [text, decimals, wanted] of cases) {
        assert.equal(rounded(nanos(text), decimals), wanted, text);
    }
    assert.equal(divide(-7n, 2n), -4n);
    assert.equal(divide(-5n, 2n), -2n);
});

test("money: shown with currency, thousands apart, and enough decimals for small amounts", () => {
    assert.equal(money_text("1246.4249", "AUD"), "A$1,246.42");
    assert.equal(money_text("-964.87", "USD"), "-US$964.87");
    assert.equal(money_text("1234567.5", "EUR"), "EUR 1,234,567.50");
    assert.equal(money_text("0.0479", "AUD"), "A$0.0479");
    assert.equal(money_text("0.00", "AUD"), "A$0.00");
    assert.equal(money_text("0.000012345", "AUD"), "A$0.000012");
    assert.equal(money_text("0.000000001", "AUD"), "A$0.000000001");
    assert.equal(decimals_for(nanos("0.999999999")), 4);
    assert.equal(grouped("-1234567.891"), "-1,234,567.891");
});

test("money: shares", () => {
    assert.equal(permille(nanos("31.20"), nanos("187.42")), 166);
    assert.equal(permille(1n, 0n), 0);
    assert.equal(percent_text(166), "17\u00a0%");
    assert.equal(percent_text(4), "0.4\u00a0%");
    assert.equal(percent_text(0), "0\u00a0%");
});

test("time: durations, ages, days", () => {
    assert.equal(duration_text(860), "14m 20s");
    assert.equal(duration_text(0.04), "40 ms");
    assert.equal(duration_text(12 * 86400 + 4 * 3600), "12d 04h");
    assert.equal(ago_text(26 * 3600), "26 h ago");
    assert.equal(short_day("2026-11-01"), "1 Nov");
    assert.deepEqual(days_between("2026-02-27", "2026-03-01"),
        ["2026-02-27", "2026-02-28", "2026-03-01"]);
    assert.equal(date_of("2026-11-26 10:31 UTC").toISOString(), "2026-11-26T10:31:00.000Z");
    assert.equal(date_of(1795688128000000).getTime(), 1795688128000);
    assert.equal(date_of("nonsense"), null);
});

test("csv: fields are quoted, and none is a formula", () => {
    assert.equal(csv_field('a,"b"'), '"a,""b"""');
    for (const bad of ["=1+1", "+x", "@sum", "-cmd", "\tx", "\rx", "\n=x", "-1+cmd|' /C calc'!A0", "-1.5-2",
        "+5", "-1\n"]) {
        assert.ok(csv_field(bad).replace(/^"/, "").startsWith("'"), bad);
    }
    for (const number of ["-12.50", "-3", "0.5"]) {
        assert.equal(csv_field(number), number);
    }
    assert.equal(csv_field(-7), "-7");
    assert.equal(csv_text(["a", "b"], [["1", null]]), "a,b\r\n1,\r\n");
});

test("diff: what was taken away and added, in order", () => {
    const lines = diff_lines("a\nb\nc\nd", "a\nx\nc\nd\ne");
    assert.deepEqual(lines.map((line) => line.sign + line.text),
        [" a", "-b", "+x", " c", " d", "+e"]);
    assert.deepEqual(diff_lines("same", "same").map((line) => line.sign), [" "]);
    const long = Array.from({length: 40}, (_, at) => `line ${at}`);
    const near = near_changes(
        diff_lines(long.join("\n"), long.with ? long.with(20, "new").join("\n")
        : long.map((one, at) => (at === 20 ? "new" : one)).join("\n")));
    assert.equal(near[0], 17);
    assert.equal(near[near.length - 1], 16);
});

test("vendored files are the ones that were pinned, each with its licence", () => {
    const sums = readFileSync(join(web, "vendor/SHA256SUMS"), "utf8").trim().split("\n")
        .map((line) => line.split(/\s+/));
    for (const [hash, name] of sums) {
        assert.equal(createHash("sha256").update(readFileSync(join(web, "vendor", name)))
            .digest("hex"), hash, name);
    }
    const listed = new Set(sums.map(([, name]) => name));
    for (const name of readdirSync(join(web, "vendor"))) {
        assert.ok(listed.has(name) || ["SHA256SUMS", "README.md"].includes(name),
            `${name} is not listed`);
    }
    for (const licence of ["preact", "htm", "uplot"]) {
        assert.ok(listed.has(`${licence}.LICENSE.txt`), licence);
    }
});

test("our files set no raw HTML, run no text, hold no inline script or style, and name no other host", () => {
    for (const file of all_files(join(web, "page"))) {
        const text = readFileSync(file, "utf8");
        for (const bad of [/innerHTML|outerHTML|insertAdjacentHTML|dangerouslySet|document\.write/,
            /\beval\(|new Function/, /<style|<script(?![^>]*\bsrc=)|\son\w+="/,
            /https?:\/\/(?!www\.w3\.org\/2000\/svg)/]) {
            assert.ok(!bad.test(text), `${file}: ${bad}`);
        }
    }
});

test("every import names a file that is there, and no file grows too long", () => {
    for (const file of all_files(join(web, "page")).filter((name) => name.endsWith(".js"))) {
        const text = readFileSync(file, "utf8");
        for (const [, path] of text.matchAll(/from "([^"]+)"/g)) {
            assert.ok(path.startsWith(".") && existsSync(join(dirname(file), path)),
                `${file}: ${path}`);
        }
        assert.ok(text.split("\n").length <= 300, `${file} is longer than 300 lines`);
    }
});
