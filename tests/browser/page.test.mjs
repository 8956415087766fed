// The page in chromium against the stand-in: what a real daemon cannot be brought to say.
import assert from "node:assert/strict";
import {test} from "node:test";
import {PAGES, axe, go, shoot, too_wide} from "./browser.mjs";
import {busy, empty, error, micro, nodes_busy, status_busy} from "./scene.mjs";
import {gpus} from "./scene_more.mjs";
import {make_with_page} from "./with_page.mjs";
import {PAYLOADS, poisoned} from "./xss.mjs";

const with_page = make_with_page();

async function every_page(name, documents, options) {
    await with_page(documents, options, async ({page, wrong}) => {
        for (const one of PAGES) {
            await go(page, one);
            assert.ok(await too_wide(page) <= 0, `${one} is wider than ${options.width} px`);
            assert.deepEqual(await axe(page), [], `${one}, ${name}`);
            assert.equal(await page.locator("main .state.failed").count(), 0,
                `${one}: ${await page.locator("main").innerText()}`);
            await shoot(page, `stand-in-${name}-${one}-${options.scheme}-${options.width}`);
        }
        assert.deepEqual(wrong, []);
    });
}

for (const [scheme, width] of [["dark", 1280], ["light", 320]]) {
    test(`a busy scene, ${scheme}, ${width} px: every page is whole, and axe finds nothing serious`,
        () =>
        every_page("busy", busy(), {scheme, width}));
}

test("hostile names and error texts are shown as text, and nothing runs", async () => {
    const documents = Object.fromEntries(Object.entries(busy()).map(([path, make]) =>
        [path, (query) => poisoned(make(query))]));
    documents["/ui/api/idle"] = error(500, "internal", `broken: ${PAYLOADS.join(" ")}`);
    documents["/ui/api/health"] =
        error(500, "<script>pwn()</script>", `broken: ${PAYLOADS.join(" ")}`);
    const options = {width: 1280, allow: (text) => /status of 500/.test(text)};
    await with_page(documents, options, async ({page, wrong}) => {
        const ran = [];
        await page.exposeFunction("pwn", () => ran.push(page.url()));
        const title = await page.title();
        for (const one of PAGES) {
            await go(page, one);
            // Everything that opens, and every table view too.
            for (const details of await page.locator("main details").all()) {
                await details.evaluate((element) => { element.open = true; });
            }
            for (const button of await page.locator("figure .tools button[aria-pressed]").all()) {
                await button.click();
            }
            const strange =
                await page.evaluate(() =>
                [...document.querySelectorAll("#page *")].filter((element) =>
                ["SCRIPT", "IMG", "IFRAME", "OBJECT", "EMBED", "BASE", "STYLE", "LINK", "META",
                    "VIDEO", "AUDIO", "MATH"].includes(element.tagName) ||
                [...element.attributes].some((attribute) => /^on/i.test(attribute.name)
                    || /^\s*javascript:/i.test(attribute.value) && attribute.name === "href"))
                    .map((element) => element.outerHTML.slice(0, 120)));
            assert.deepEqual(strange, [], one);
            assert.equal(
                await page.evaluate(() =>
                document.querySelectorAll("body > :not(#page):not(noscript)").length), 0, one);
        }
        await go(page, "health");
        assert.match(await page.locator("main .state.failed").first().innerText(),
            /<img src=x onerror=pwn\(\)>/);
        await go(page, "now");
        assert.ok((await page.locator("main").innerText()).includes("<svg/onload=pwn()>")
            || (await page.locator("main").innerText()).includes("<img src=x"));
        assert.equal(await page.title(), title);
        await page.waitForTimeout(50);
        assert.deepEqual(ran, []);
        assert.deepEqual(wrong, []);
    });
});

test("an empty daemon: each page says what to do next", async () => {
    await with_page(empty(), {allow: (text) => /status of 404/.test(text)}, async ({page}) => {
        await go(page, "now");
        const text = await page.locator("main").innerText();
        for (const wanted of ["No request has come yet", "evenkeel keys create me", "No source yet",
            "No budget is set", "None lives"]) {
            assert.ok(text.includes(wanted), wanted);
        }
        assert.equal(await page.locator("[data-figure='status.spend.today']").first().innerText(),
            "A$0.00");
    });
});

test("every chart has a finding, a table with the same figures, and a CSV file of it", async () => {
    await with_page(busy(), {}, async ({page, wrong}) => {
        let charts = 0;
        for (const one of PAGES) {
            await go(page, one);
            for (const figure of await page.locator("figure.fig").all()) {
                ++charts;
                const name = await figure.getAttribute("data-chart");
                assert.ok((await figure.locator("figcaption .finding").innerText()).length > 20,
                    name);
                const label =
                    await figure.evaluate((element) =>
                    document.getElementById(element.getAttribute("aria-labelledby"))?.textContent);
                assert.ok(label, name);
                const [download] =
                    await Promise.all(
                    [page.waitForEvent("download"),
                    figure.locator(".tools button").nth(1).click()]);
                assert.match(download.suggestedFilename(), /^evenkeel-.*\.csv$/);
                const rows = await figure.locator(".tools button").first().click()
                    .then(() => figure.locator("table tbody tr").count());
                const stream = await download.createReadStream();
                let csv = "";
                for await (const chunk of stream) {
                    csv += chunk;
                }
                const lines = csv.trim().split("\r\n").length - 1;
                assert.equal(Math.min(lines, 300), rows,
                    `${name}: rows of table and file`);
                assert.ok(rows > 0, name);
                await figure.locator(".tools button").first().click();
            }
        }
        assert.ok(charts >= 25, `${charts} charts`);
        assert.deepEqual(wrong, []);
    });
});

test("how much of a limit's window has passed is told by the daemon, not by the reader's zone",
    async () => {
    const us = Date.now() * 1000;
    const window = {from_us: us - 30 * 3600e6, until_us: us + 90 * 3600e6};
    const budgets = () => status_busy().budgets.map((one, at) => {
        const {from_us, until_us, ...rest} = one;
        return at === 0 ? {...rest, ...window} : rest;
    });
    const documents = {...busy(), "/api/status": () => ({...status_busy(), budgets: budgets()})};
    await with_page(documents, {}, async ({page, wrong}) => {
        const paces = await page.locator("figure[data-chart=budgets] li").evaluateAll((all) =>
            all.map((one) => {
                const x = (name) => one.querySelector(`line.${name}`)?.getAttribute("x1");
                return x("pace") === undefined ? null : Number(x("pace")) / Number(x("limit"));
            }));
        assert.deepEqual(paces.map((one) => one && Math.round(one * 100)), [25, null, null],
            "a daemon that does not tell the window has no mark");
        assert.deepEqual(wrong, []);
    });
});

test("hours stand where the daemon's clock puts them, in zones at the half hour too", async () => {
    const hour = (at, api) => ({at, own: "0.00", rental: "0.00", api, waste: "0.00"});
    const documents = {...busy(), "/ui/api/hours": () => ({schema: "evenkeel.hours/1",
        since: "2026-03-01T03:00:00Z", until: "2026-03-02T03:20:00Z", currency: "AUD", rates: [],
        hours: [hour("2026-03-01T22:00:00Z", "1.25"), hour("2026-03-02T03:00:00Z", "0.50")]})};
    await with_page(documents, {zone: "Asia/Kolkata"}, async ({page, wrong}) => {
        const figure = page.locator("figure[data-chart=hours]");
        assert.match(await figure.locator(".finding").innerText(),
            /A\$1\.75 in 24 hours.*began at 03:30 with A\$1\.25/s);
        await figure.locator(".walk").focus();
        await page.keyboard.press("End");
        assert.match(await figure.locator(".reading").innerText(), /^08:30–09:30.*A\$0\.50/s);
        assert.deepEqual(wrong, []);
    });
});

test("own GPUs: every currency of the power has its chart, with the wear beside it", async () => {
    const more = gpus({});
    const abroad = {...more.energy[0], hardware: "shed", currency: "USD", wear: "1.00",
        wear_currency: "USD"};
    const documents = {...busy(), "/ui/api/gpus": () => ({...more, energy: [...more.energy, abroad]})};
    await with_page(documents, {}, async ({page, wrong}) => {
        await go(page, "gpus");
        const finding = (name) => page.locator(`figure[data-chart=${name}] .finding`).innerText();
        assert.match(await finding("energy-AUD"),
            /^A\$[\d.]+ in these days, \d+\u00a0% of it while idle\. The hardware lost A\$57\.26 in worth/);
        assert.match(await finding("energy-USD"), /^US\$.* lost US\$1\.00 in worth/s);
        assert.match(await finding("gpu-processes"),
            /^llama-server holds the most: 26\.0 GiB of the 31\.8 GiB of GPU 0\.$/);
        assert.deepEqual(wrong, []);
    });
});

test("charts can be walked through by keyboard, and the page by its headings", async () => {
    await with_page(busy(), {}, async ({page, wrong}) => {
        await go(page, "machines");
        const walk = page.locator("figure[data-chart=timeline] .walk");
        await walk.focus();
        await page.keyboard.press("Home");
        const first = await page.locator("figure[data-chart=timeline] .reading").innerText();
        await page.keyboard.press("ArrowRight");
        const second = await page.locator("figure[data-chart=timeline] .reading").innerText();
        assert.match(first, /runpod-\d .* for /);
        assert.notEqual(first, second);
        await page.keyboard.press("Escape");
        assert.equal(await page.locator("figure[data-chart=timeline] .reading").innerText(), "");
        for (const [one, chart, reads] of [["routing", "tails", /p50 .*p95 .*p99 /],
            ["gpus", "gpu-watts", /Power \d+ W/]]) {
            await go(page, one);
            const figure = page.locator(`figure[data-chart=${chart}]`);
            const reading = figure.locator(".reading").first();
            await figure.locator(".walk").first().focus();
            await page.keyboard.press("End");
            const last = await reading.innerText();
            assert.match(last, reads);
            await page.keyboard.press("PageUp");
            assert.match(await reading.innerText(), reads);
            assert.notEqual(await reading.innerText(), last);
            // The lines show the place too.
            assert.ok(await figure.locator(".u-cursor-x").first().evaluate((element) =>
                element.getBoundingClientRect().left > element.parentElement
                    .getBoundingClientRect().left + 50));
            await page.keyboard.press("Escape");
            assert.equal(await reading.innerText(), "");
            const box = await figure.locator(".u-over").first().boundingBox();
            await page.mouse.move(box.x + box.width / 3, box.y + 20);
            await page.waitForFunction((name) => document.querySelector(
                `figure[data-chart=${name}] .reading`).innerText !== "", chart);
            assert.match(await reading.innerText(), reads);
        }
        await page.locator("nav a", {hasText: "Spend"}).focus();
        await page.keyboard.press("Enter");
        await page.waitForSelector("main[data-page=spend]");
        await page.waitForFunction(() => document.activeElement?.tagName === "H1");
        assert.equal(await page.title(), "Spend · Evenkeel");
        assert.equal(await page.locator("nav a[aria-current=page]").innerText(), "Spend");
        assert.deepEqual(wrong, []);
    });
});

test("what is shown follows the stream: a rental from wanted to gone", async () => {
    const states = ["wanted", "creating", "booting", "warming", "serving", "draining", "deleting",
        "verifying", "gone"];
    let at = 0;
    const machine = () =>
        ({...nodes_busy().machines[0], id: "06ZGNEW", state: states[at], paid: micro(at * 120_000),
        gone_how: states[at] === "gone" ? "destroyed" : null});
    const documents = {...busy(), "/api/nodes": () => ({...nodes_busy(), machines: [machine()]})};
    await with_page(documents, {}, async ({server, page, wrong}) => {
        for (at = 0; at < states.length; ++at) {
            server.push();
            await page.waitForSelector(`tr[data-machine="06ZGNEW"] [data-state="${states[at]}"]`);
            assert.equal(await page.locator("[data-figure='nodes.machines.06ZGNEW.paid']")
                .getAttribute("data-exact"), micro(at * 120_000));
        }
        assert.match(await page.locator("tr[data-machine='06ZGNEW']").innerText(), /destroyed/);
        assert.deepEqual(wrong, []);
    });
});
