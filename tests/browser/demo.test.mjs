// The page that the daemon itself serves, on the demo: a machine is rented and given back while the page
// looks on, and every figure is the command line's.
import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import {nanos} from "../../agent/web/page/lib/money.js";
import {go, launch, open, open_empty, settled, shoot} from "./browser.mjs";
import {start_demo} from "./daemons.mjs";
import {every_page, nothing_failed} from "./every_page.mjs";
import {compare, page_figures} from "./figures.mjs";

let browser = null;
let demo = null;
let watcher = null;
before(async () => {
    browser = await launch();
    // The window is there before the daemon, so that nothing of the machine's life is missed.
    watcher = await open_empty(browser);
    await watcher.page.addInitScript(() => {
        globalThis.seen = [];
        const look = () => document.querySelectorAll("tr[data-machine] [data-state]").forEach((one) => {
            if (globalThis.seen.at(-1) !== one.dataset.state) {
                globalThis.seen.push(one.dataset.state);
            }
        });
        new MutationObserver(look).observe(document, {subtree: true, childList: true,
            attributes: true, attributeFilter: ["data-state"]});
    });
    demo = await start_demo("38m-48m");
    await watcher.visit(`${demo.url}/#/now`);
});
after(async () => {
    await demo?.stop();
    await browser?.close();
});

const ORDER = ["wanted", "creating", "unknown", "booting", "warming", "serving", "draining",
    "deleting", "verifying", "gone"];

test("a rental is watched on the page Now from wanted to gone", async () => {
    const {page, wrong, close} = watcher;
    await page.waitForSelector("tr[data-machine] [data-state=serving]", {timeout: 60_000});
    await shoot(page, "daemon-demo-serving-now");
    await page.waitForSelector("tr[data-machine] [data-state=gone]", {timeout: 90_000});
    const seen = await page.evaluate(() => globalThis.seen);
    assert.deepEqual(seen, [...seen].sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b)),
        "its states come in their order");
    assert.ok(ORDER.indexOf(seen[0]) <= ORDER.indexOf("booting"), `first seen: ${seen}`);
    for (const state of ["booting", "serving", "gone"]) {
        assert.ok(seen.includes(state), `${state} among ${seen}`);
    }
    await demo.ended;
    await go(page, "machines");
    assert.match(await page.locator("figure[data-chart=timeline] .finding").innerText(),
        /^1 machine, 0 alive/);
    assert.deepEqual(wrong, []);
    await close();
});

test("a busy daemon: every page is whole in light and dark, narrow and wide", async () => {
    await demo.ended;
    // The demo's machine has no price, so that nothing can be compared: the daemon says so with a 400.
    await every_page(browser, "busy", demo, {look_at: nothing_failed,
        allow: (text, url) => /status of 400/.test(text) && url.includes("/ui/api/breakeven")});
});

test("every figure equals the command line's --json", async () => {
    await demo.ended;
    const {page, close} = await open(browser, `${demo.url}/`);
    const figures = [];
    for (const one of ["now", "spend", "machines", "gpus", "keys", "ledger", "health"]) {
        figures.push(...await compare(page, demo, one));
    }
    for (const by of ["model", "key", "route", "provider", "machine"]) {
        figures.push(...await compare(page, demo, "spend", `?by=${by}`, by));
    }
    assert.ok(figures.length > 200, `${figures.length} figures were compared`);
    for (const name of [/^status\.spend\.today$/, /^status\.cost_rate\.amount$/, /^spend\.days\.cost$/,
        /^spend\.month\.cost$/, /^spend\.lines\..*\.per_mtok$/, /^machines\.paid\./,
        /^energy\.power$/]) {
        assert.ok(figures.some((one) => name.test(one)), `${name} among what was compared`);
    }
    // The matrix has no command of its own: each route's cells add up to its line in the report.
    await page.goto(`${demo.url}/#/routing?since=30d`);
    await settled(page);
    const cells = await page_figures(page);
    const report = await demo.json("report", "spend", "--by", "route", "--since", "30d");
    for (const line of report.lines.filter((one) => one.requests > 0)) {
        const own = cells.filter((cell) => cell.figure.startsWith(`routing.${line.label}.`));
        assert.equal(own.reduce((all, cell) => all + nanos(cell.exact), 0n), nanos(line.cost),
            `route ${line.label}`);
    }
    await close();
});
