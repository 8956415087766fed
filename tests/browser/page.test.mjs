// The page in chromium against the stand-in: what a real daemon cannot be brought to say.
import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import {PAGES, axe, go, launch, open, settled, shoot, too_wide} from "./browser.mjs";
import {busy, empty, error, micro, nodes_busy, status_busy} from "./scene.mjs";
import {gpus, policy_draft as more_draft} from "./scene_more.mjs";
import {StandIn} from "./stand_in.mjs";
import {until} from "../clients/helpers.mjs";
import {PAYLOADS, poisoned} from "./xss.mjs";

let browser = null;
before(async () => { browser = await launch(); });
after(() => browser.close());

async function with_page(documents, options, work) {
    const server = await new StandIn(documents).start();
    const opened = await open(browser, `${server.url}/`, options);
    try {
        await settled(opened.page);
        await work({server, ...opened});
    } finally {
        await opened.close();
        await server.stop();
    }
}

/// As if the tab were hidden or seen.
const look = (page, state) => page.evaluate((visible) => {
    Object.defineProperty(document, "visibilityState", {value: visible, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}, state);

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

test("figures older than 15 s are greyed, and the page says so", async () => {
    await with_page(busy(), {clock: true}, async ({server, page, wrong}) => {
        assert.equal(await page.locator("main.stale").count(), 0);
        server.silent = true;
        await page.clock.fastForward(16_000);
        await page.waitForSelector("main.stale");
        await page.waitForFunction(() => document.querySelector(".banner.stale")?.innerText
            .includes("does not answer"));
        assert.match(await page.locator(".banner.stale").innerText(), /They are [12]\d s old/);
        for (const old of ["main.stale > .tiles", ".top.stale .money-now >> nth=0"]) {
            assert.match(await page.locator(old)
                .evaluate((element) => getComputedStyle(element).filter), /grayscale/, old);
        }
        // The age grows outside of what is read aloud.
        const said = await page.locator(".banner.stale [role=alert]").innerText();
        assert.doesNotMatch(said, /\d s old/);
        await page.clock.fastForward(3_000);
        assert.equal(await page.locator(".banner.stale [role=alert]").innerText(), said);
        assert.deepEqual(await axe(page), []);
        await shoot(page, "stand-in-stale-now-light-1280");
        server.silent = false;
        await page.waitForSelector("main:not(.stale)", {timeout: 20_000});
        assert.equal(await page.locator(".banner.stale").count(), 0);
        assert.deepEqual(wrong, []);
    });
});

test("a status that is sent again without being made anew is stale too", async () => {
    const frozen_at = status_busy();
    const documents = {...busy(), "/api/status": () => frozen_at};
    await with_page(documents, {clock: true}, async ({server, page}) => {
        await page.clock.fastForward(16_000);
        await page.waitForSelector("main.stale");
        await page.waitForFunction(() => document.querySelector(".banner.stale").innerText
            .includes("answers, but tells nothing new"));
        server.push();
        await new Promise((done) => setTimeout(done, 200));
        assert.equal(await page.locator("main.stale").count(), 1, "the old picture is no news");
    });
});

test("a stream that stands open and silent is opened anew", async () => {
    await with_page(busy(), {clock: true}, async ({server, page, wrong}) => {
        const streams = () => server.asked.filter((path) => path === "/ui/api/live").length;
        server.push = () => {};
        await page.clock.fastForward(8_000);
        assert.equal(streams(), 1);
        await page.clock.fastForward(4_000);
        await until("another stream", () => streams() === 2);
        await page.waitForFunction(() => /just now/.test(document.querySelector(".age").innerText));
        assert.deepEqual(wrong, []);
    });
});

test("a status that was old when it came is said to be as old as the daemon's clock tells", async () => {
    const old = {...status_busy(), at: new Date(Date.now() - 300_000).toISOString()};
    await with_page({...busy(), "/api/status": () => old}, {}, async ({page, wrong}) => {
        await page.waitForSelector("main.stale");
        assert.match(await page.locator(".banner.stale").innerText(), /They are 5m 0\ds old/);
        assert.match(await page.locator(".age").innerText(), /5 min ago/);
        assert.deepEqual(wrong, []);
    });
});

test("an upgrade of the agent is said, with a way to the new page", async () => {
    let version = "0.1.0";
    const documents = {...busy(), "/api/status": () => ({...status_busy(), version})};
    await with_page(documents, {}, async ({server, page, wrong}) => {
        assert.equal(await page.locator(".banner.upgraded").count(), 0);
        version = "0.2.0";
        server.push();
        await page.waitForSelector(".banner.upgraded");
        assert.match(await page.locator(".banner.upgraded").innerText(),
            /upgraded from 0\.1\.0 to 0\.2\.0/);
        assert.deepEqual(await axe(page), []);
        await page.locator(".banner.upgraded button").click();
        await settled(page);
        assert.equal(await page.locator(".banner.upgraded").count(), 0);
        assert.deepEqual(wrong, []);
    });
});

test("the count beside Health is of the warnings that Now lists, each once", async () => {
    const hazard = "runpod pod k3x9 carries our tag, is not in the ledger";
    const documents = {...busy(), "/api/status": () => {
        const status = status_busy();
        return {...status, hazards: [hazard], warnings: [hazard, ...status.warnings]};
    }};
    await with_page(documents, {}, async ({page}) => {
        assert.equal(await page.locator(".alerts li").count(), 2);
        assert.equal(await page.locator("nav .count").innerText(), "2");
    });
});

test("a stream that breaks is opened again, and meanwhile the page says that it is not connected",
    async () => {
    await with_page(busy(), {allow: () => true}, async ({server, page}) => {
        server.documents["/api/status"] = error(503, "unavailable", "stopping");
        server.refuse_live = true;
        for (const stream of server.streams) {
            stream.destroy();
        }
        await page.waitForSelector(".age.bad");
        assert.equal(await page.locator(".age").innerText(), "not connected");
        server.documents["/api/status"] = () =>
            ({...status_busy(), spend: {today: "7.77", month: "188.88", currency: "AUD"}});
        server.refuse_live = false;
        await page.waitForFunction(() => document.querySelector(".top")
            .innerText.includes("A$7.77"), null, {timeout: 8_000});
        await page.waitForSelector(".age:not(.bad)");
        await page.waitForFunction(() => !document.querySelector(".age.bad"));
        assert.ok(server.streams.size >= 1);
    });
});

test("a document slower than its interval comes, and is not asked for twice meanwhile", async () => {
    await with_page(busy(), {clock: true}, async ({server, page, wrong}) => {
        const asked = () => server.asked.filter((path) => path.startsWith("/ui/api/keys")).length;
        const release = server.hold("/ui/api/keys");
        await page.evaluate(() => { location.hash = "#/keys"; });
        await until("the question", () => asked() === 1);
        await page.clock.fastForward(16_000);
        await page.clock.fastForward(16_000);
        assert.match(await page.locator("main .state.busy").innerText(), /daemon is busy/);
        assert.equal(asked(), 1, "what is slow is waited for");
        release();
        await page.waitForSelector("tr[data-key]");
        await page.clock.fastForward(16_000);
        await until("the next question", () => asked() === 2);
        assert.deepEqual(wrong, []);
    });
});

test("a page that is looked at again after a while is read anew at once", async () => {
    await with_page(busy(), {clock: true}, async ({server, page, wrong}) => {
        const asked = () => server.asked.filter((path) => path.startsWith("/ui/api/keys")).length;
        await go(page, "keys");
        await look(page, "hidden");
        await page.clock.fastForward(40_000);
        assert.equal(asked(), 1, "nobody looks");
        await look(page, "visible");
        await until("the question", () => asked() === 2);
        await look(page, "hidden");
        await look(page, "visible");
        assert.equal(asked(), 2, "it is new enough");
        assert.deepEqual(wrong, []);
    });
});

test("a tab that nobody looks at lets its stream go, and takes it up again", async () => {
    await with_page(busy(), {clock: true}, async ({server, page, wrong}) => {
        assert.equal(server.streams.size, 1);
        await look(page, "hidden");
        await page.clock.fastForward(61_000);
        await until("the stream's end", () => server.streams.size === 0);
        await look(page, "visible");
        await until("the stream", () => server.streams.size === 1);
        await page.waitForSelector("main:not(.stale)");
        assert.deepEqual(wrong, []);
    });
});

test("busy, error and frozen are told apart and say what to do", async () => {
    const documents = {...busy(), "/api/status": () =>
        ({...status_busy(), frozen: true, frozen_by: "mara at 10:31: price war"}),
                       "/ui/api/spend": error(503, "unavailable", "the ledger is being opened"),
                           "/ui/api/ledger/verify": error(500, "io_failed",
                           "disk I/O error at offset 4096")};
    await with_page(documents, {allow: (text) => /status of 50[03]/.test(text)},
        async ({server, page}) => {
        assert.match(await page.locator(".banner.frozen").innerText(),
            /Spending is frozen by mara at 10:31: price war.*evenkeel thaw/s);
        await page.evaluate(() => { location.hash = "#/spend"; });
        await page.waitForSelector("main .state.busy");
        assert.match(await page.locator("main .state.busy").innerText(), /daemon is busy/);
        assert.deepEqual(await axe(page), []);
        await shoot(page, "stand-in-busy-daemon-spend-light-1280");
        server.documents["/ui/api/spend"] = busy()["/ui/api/spend"];
        // It asks again by itself.
        await page.waitForSelector("[data-figure='spend.total.cost']");
        await go(page, "ledger");
        const walk = page.locator("button", {hasText: "Walk the chain now"});
        await walk.click();
        const failed = page.locator("main .state.failed").first();
        await failed.waitFor();
        assert.match(await failed.innerText(), /disk I\/O error at offset 4096/);
        assert.match(await failed.innerText(), /HTTP 500, io_failed/);
        assert.deepEqual(await axe(page), []);
        server.documents["/ui/api/ledger/verify"] = busy()["/ui/api/ledger/verify"];
        await walk.click();
        await page.waitForSelector("main .lead .good");
        assert.equal(await failed.count(), 0);
    });
});

test("the hash chain is walked when somebody asks for it, as long as it takes", async () => {
    await with_page(busy(), {clock: true}, async ({server, page, wrong}) => {
        const asked = () => server.asked.filter((path) => path === "/ui/api/ledger/verify").length;
        await go(page, "ledger");
        await page.clock.fastForward(301_000);
        assert.equal(asked(), 0, "nobody asked for it");
        const release = server.hold("/ui/api/ledger/verify");
        await page.locator("button", {hasText: "Walk the chain now"}).click();
        await page.clock.fastForward(120_000);
        assert.match(await page.locator("main .state.loading").innerText(), /takes minutes/);
        assert.deepEqual(await axe(page), []);
        await page.evaluate(() => { location.hash = "#/now"; });
        await page.waitForSelector("main[data-page=now] .tiles");
        release();
        await go(page, "ledger");
        await page.waitForSelector("main .lead .good");
        assert.match(await page.locator("main .lead").innerText(), /Whole.*Walked \d\d:\d\d/s);
        assert.equal(asked(), 1);
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

test("actions need control, a login and the typed name", async () => {
    const documents = {...busy(), "/ui/api/me": () => ({control: true, user: "mara"})};
    await with_page(documents, {}, async ({server, page}) => {
        const sent = [];
        await page.route("**/ui/api/act", (route) => {
            sent.push({headers: route.request().headers(),
                body: JSON.parse(route.request().postData())});
            return route.fulfill({json: {ok: true}});
        });
        await go(page, "machines");
        const row = page.locator("tr[data-machine]", {hasText: "serving"}).first();
        const id = await row.getAttribute("data-machine");
        await row.locator("button", {hasText: "Destroy"}).click();
        const button = row.locator("form button[type=submit]");
        assert.ok(await button.isDisabled());
        await row.locator("form input").fill("runpod");
        assert.ok(await button.isDisabled());
        await row.locator("form input").fill("runpod-1");
        await button.click();
        await page.waitForFunction(() => document.querySelector("tr[data-machine] [role=status]"));
        assert.deepEqual(sent.map((one) => one.body),
            [{action: "destroy", name: "runpod-1", id, typed: "runpod-1"}],
            "the name may be another machine's by now: the id says which is meant");
        assert.equal(sent[0].headers["x-evenkeel-page"], "1");
        assert.deepEqual(await axe(page), []);
        server.documents["/ui/api/me"] = () => ({control: false, user: null});
        await page.reload();
        await settled(page);
        assert.equal(await page.locator("button.act").count(), 0);
        assert.equal(await page.locator(".login").count(), 0);
    });
});

test("nothing can be done from what is old", async () => {
    const documents = {...busy(), "/ui/api/me": () => ({control: true, user: "mara"})};
    const options = {clock: true, allow: (text) => /status of 500/.test(text)};
    await with_page(documents, options, async ({server, page, wrong}) => {
        const off = (word) => page.locator("main button.act", {hasText: word}).first().isDisabled();
        await go(page, "machines");
        assert.deepEqual([await off("Destroy"), await off("Freeze")], [false, false]);
        await page.locator("button.act", {hasText: "Drain"}).first().click();
        await page.locator("form.confirm input").fill("runpod-1");
        const drain = page.locator("form.confirm button[type=submit]");
        assert.ok(await drain.isEnabled());
        server.documents["/ui/api/machines"] = error(500, "io_failed", "disk I/O error");
        await page.clock.fastForward(9_000);
        await page.clock.fastForward(2_000);
        await page.waitForSelector("main .old");
        assert.deepEqual([await off("Destroy"), await off("Freeze")], [true, false]);
        assert.ok(await drain.isDisabled());
        assert.match(await page.locator("form.confirm").innerText(), /What is shown is old/);
        server.silent = true;
        await page.clock.fastForward(16_000);
        await page.waitForSelector("main.stale");
        assert.deepEqual([await off("Destroy"), await off("Freeze")], [true, true]);
        assert.deepEqual(await axe(page), []);
        assert.deepEqual(wrong, []);
    });
});

test("who is logged in can log out, and every page knows it at once", async () => {
    const documents = {...busy(), "/ui/api/me": () => ({control: true, user: "mara"})};
    await with_page(documents, {}, async ({server, page, wrong}) => {
        const sent = [];
        await page.route("**/ui/api/logout", (route) => {
            sent.push(route.request().headers()["x-evenkeel-page"]);
            server.documents["/ui/api/me"] = () => ({control: true, user: null});
            return route.fulfill({json: {user: null}});
        });
        await go(page, "machines");
        assert.ok(await page.locator("button.act", {hasText: "Destroy"}).count() > 0);
        await page.locator(".control button", {hasText: "Log out"}).click();
        await page.waitForSelector(".control .login");
        await page.waitForFunction(() => !document.querySelector("button.act"));
        assert.deepEqual(sent, ["1"]);
        assert.deepEqual(wrong, []);
    });
});

test("a plan is shown as it was saved, and applied when each limit that goes is meant", async () => {
    const documents = {...busy(), "/ui/api/me": () => ({control: true, user: "mara"})};
    await with_page(documents, {}, async ({server, page, wrong}) => {
        const sent = [];
        await page.route("**/ui/api/act", (route) => {
            sent.push(JSON.parse(route.request().postData()));
            return route.fulfill({json: {revision: 38}});
        });
        await go(page, "policy");
        const text = await page.locator("main").innerText();
        assert.match(text, /1 passed, 1 failed/);
        assert.match(text, /night should choose desk, chose runpod\s+line 31/);
        assert.match(text, /models\.yaml:22:29 warning: 'claude-opus-4-1' was retired/);
        assert.match(text, /~ scaling\.h100-burst\.max {2}2 → 3/);
        assert.match(text, /no limit, as before: no budget/);
        const worst = page.locator("figure", {hasText: "Worst day, rentals"});
        assert.equal(await worst.locator("svg rect").count(), 2);
        assert.match(await worst.innerText(), /60\.00.*197\.47: limit gone/s);
        assert.match(await page.locator("figure", {hasText: "The same requests"}).innerText(),
            /244\.46.*271\.90.*p95 wait 9\.1 s → 6\.0 s/s);
        await page.locator("button.act", {hasText: "Apply"}).click();
        const button = page.locator("form.confirm button[type=submit]");
        await page.locator("form.confirm input[autocomplete]").fill("plan-20261123-1.json");
        assert.ok(await button.isDisabled(), "a limit disappears: that must be meant");
        await page.getByLabel(/rentals-per-day disappears/).check();
        assert.deepEqual(await axe(page), []);
        await shoot(page, "stand-in-apply-policy-light-1280");
        await button.click();
        await page.waitForSelector("main [role=status]");
        assert.deepEqual(sent, [{action: "apply", name: "plan-20261123-1.json",
            typed: "plan-20261123-1.json", confirm: ["rentals-per-day"]}]);
        const draft = more_draft();
        server.documents["/ui/api/policy/draft"] = () =>
            ({...draft, plan: {...draft.plan, outdated: "the files have changed since"}});
        await page.reload();
        await settled(page);
        assert.equal(await page.locator("main button.act", {hasText: "Apply"}).count(), 0);
        assert.match(await page.locator("main").innerText(), /cannot be applied: the files have/);
        assert.deepEqual(wrong, []);
    });
});
