// How old the page is, who answers, and what it does meanwhile: against the stand-in, whose daemon can be
// slow, silent, old or upgraded.
import assert from "node:assert/strict";
import {test} from "node:test";
import {axe, go, settled, shoot} from "./browser.mjs";
import {busy, error, status_busy} from "./scene.mjs";
import {make_with_page} from "./with_page.mjs";
import {until} from "../clients/helpers.mjs";

const with_page = make_with_page();

/// As if the tab were hidden or seen.
const look = (page, state) => page.evaluate((visible) => {
    Object.defineProperty(document, "visibilityState", {value: visible, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}, state);

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
