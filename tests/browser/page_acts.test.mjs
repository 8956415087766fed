// What the page does for who is logged in, against the stand-in.
import assert from "node:assert/strict";
import {test} from "node:test";
import {axe, go, settled, shoot} from "./browser.mjs";
import {busy, error} from "./scene.mjs";
import {policy_draft} from "./scene_more.mjs";
import {make_with_page} from "./with_page.mjs";

const with_page = make_with_page();

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
        const draft = policy_draft();
        server.documents["/ui/api/policy/draft"] = () =>
            ({...draft, plan: {...draft.plan, outdated: "the files have changed since"}});
        await page.reload();
        await settled(page);
        assert.equal(await page.locator("main button.act", {hasText: "Apply"}).count(), 0);
        assert.match(await page.locator("main").innerText(), /Nothing to apply: the files have/);
        assert.deepEqual(wrong, []);
    });
});
