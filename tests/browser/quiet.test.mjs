// The page of a daemon that nobody has asked anything yet: empty, then given hostile names, then stopped in
// its tracks.
import assert from "node:assert/strict";
import {execFileSync} from "node:child_process";
import {after, before, test} from "node:test";
import {PAGES, SCHEMES, SIZES, axe, go, launch, open, settled, shoot,
    too_wide} from "./browser.mjs";
import {program, start_quiet} from "./daemons.mjs";
import {every_page, nothing_failed} from "./every_page.mjs";
import {TOKENS, compare} from "./figures.mjs";
import {PAYLOADS} from "./xss.mjs";
import {until} from "../clients/helpers.mjs";

let browser = null;
let quiet = null;
before(async () => {
    browser = await launch();
    quiet = await start_quiet();
});
after(async () => {
    await quiet?.stop();
    await browser?.close();
});

test("an empty daemon: every page is whole in light and dark, narrow and wide", async () => {
    await every_page(browser, "empty", quiet, {look_at: nothing_failed});
    const {page, close} = await open(browser, `${quiet.url}/`);
    await settled(page);
    assert.match(await page.locator("main").innerText(),
        /No request has come yet.*evenkeel keys create me/s);
    await close();
});

test("an empty daemon: every figure equals the command line's --json, also of the comparison",
    async () => {
    const {page, close} = await open(browser, `${quiet.url}/`);
    const figures = await compare(page, quiet, "breakeven",
        `?in_mtok=${TOKENS.in_mtok}&out_mtok=${TOKENS.out_mtok}`);
    for (const one of ["now", "health"]) {
        figures.push(...await compare(page, quiet, one));
    }
    assert.ok(figures.length > 20, `${figures.length} figures were compared`);
    await close();
});

test("hostile names through the real way in: keys, models and tags are text, and nothing runs",
    async () => {
    const made = [];
    for (const name of PAYLOADS.filter((one) => !one.includes("\0"))) {
        try {
            execFileSync(program, ["keys", "create", name, "--json", ...quiet.where],
                {stdio: "pipe"});
            made.push(name);
        } catch (error) {
            assert.match(String(error.stderr), /a key's name has/, name);
        }
    }
    const plain = JSON.parse(
        execFileSync(program, ["keys", "create", "plain", "--json", ...quiet.where],
        {encoding: "utf8"})).key;
    const tags = PAYLOADS.filter((one) => /^[\x20-\x7e]+$/.test(one)).map((one) => `x=${one}`);
    await Promise.all([...tags.map((tag) => ["qwq-32b", tag]),
        ...PAYLOADS.slice(0, 4).map((model) => [model, "y=1"])].map(([model, tag]) =>
        fetch(`${quiet.api}/v1/chat/completions`, {
        method: "POST", headers: {authorization: `Bearer ${plain}`,
            "content-type": "application/json", "x-evenkeel-tag": tag},
        body: JSON.stringify({model, max_tokens: 1, messages: [{role: "user", content: "hello"}]})})
            .then((answer) => answer.text()).catch(() => "")));
    // What of it came in, by the command line: it is what the page has to show.
    const labels = await until("the tags in the ledger", async () => {
        const {lines} = await quiet.json("report", "spend", "--by", "tag");
        const hostile = lines.map((one) => one.label).filter((label) => label.includes("pwn()"));
        return hostile.length >= 8 && hostile;
    });
    const {page, wrong, close} =
        await open(browser, `${quiet.url}/`, {allow: (text) => /status of 4\d\d/.test(text)});
    const ran = [];
    await page.exposeFunction("pwn", () => ran.push(page.url()));
    for (const [one, query] of [["keys", ""], ["spend", "?by=key"], ["spend", "?by=tag"],
        ["spend", "?by=model"], ["now", ""],
        ["ledger", `?account=${encodeURIComponent(PAYLOADS[0])}`],
                                ["breakeven", `?machine=${encodeURIComponent(PAYLOADS[1])}`],
                                    ["ledger", `?since=${encodeURIComponent(PAYLOADS[2])}`]]) {
        await go(page, one, query);
        assert.equal(await page.evaluate(() =>
            document.querySelectorAll(
            "#page script, #page img, #page iframe, #page [onerror], #page [onload]").length), 0,
            one + query);
    }
    await go(page, "spend", "?by=tag");
    const shown = await page.locator("main tr[data-line] b").allInnerTexts();
    for (const label of labels) {
        assert.ok(shown.includes(label), `${label} letter by letter among ${shown}`);
    }
    await go(page, "keys");
    assert.deepEqual((await page.locator("tr[data-key] b:first-child").allInnerTexts())
        .filter((name) => PAYLOADS.includes(name)).sort(), made.sort());
    await go(page, "breakeven", `?machine=${encodeURIComponent(PAYLOADS[1])}`);
    assert.ok((await page.locator("main .state.failed").innerText()).includes("pwn()"),
        "the error's text is shown");
    assert.deepEqual(ran, []);
    assert.deepEqual(wrong, []);
    await close();
});

// Last, since it stops the daemon in its tracks: nothing answers while it does.
test("a stale daemon: its figures are greyed and said to be old on every page", async () => {
    const windows = await Promise.all(SCHEMES.flatMap((scheme) => SIZES.map(async (width) => {
        const opened = await open(browser, `${quiet.url}/`,
            {scheme, width, clock: true, allow: () => true});
        await settled(opened.page);
        return {...opened, name: `${scheme}-${width}`};
    })));
    process.kill(quiet.pid, "SIGSTOP");
    try {
        await Promise.all(windows.map(async ({page, name}) => {
            await page.clock.fastForward(16_000);
            await page.waitForSelector("main.stale");
            for (const one of PAGES) {
                await page.evaluate((hash) => { location.hash = hash; }, `#/${one}`);
                await page.waitForSelector(`main[data-page="${one}"].stale h1`);
                // What does not come in three seconds is said to come later.
                await page.clock.fastForward(3_500);
                await page.waitForFunction(() => !document.querySelector("main .state.loading"));
                await page.waitForFunction(() => document.querySelector(".banner.stale")
                    .innerText.includes("The daemon does not answer"));
                assert.match(await page.locator(".banner.stale").innerText(),
                    /These figures are old.*They are .* old/s, one);
                assert.match(await page.locator(".top.stale .money-now").first()
                    .evaluate((element) => getComputedStyle(element).filter), /grayscale/);
                assert.match(await page.locator("main.stale > .head")
                    .evaluate((element) => getComputedStyle(element).filter), /grayscale/);
                assert.ok(await too_wide(page) <= 0, `${one}, ${name}`);
                assert.deepEqual(await axe(page, name.endsWith("1280")), [], `${one}, ${name}`);
                await shoot(page, `daemon-stale-${one}-${name}`);
            }
        }));
    } finally {
        process.kill(quiet.pid, "SIGCONT");
    }
    for (const {page, wrong, close} of windows) {
        await page.waitForSelector("main:not(.stale)", {timeout: 20_000});
        assert.deepEqual(wrong, []);
        await close();
    }
});
