// Debian's chromium, driven by playwright-core: opens the page, and remembers everything that must not
// happen (errors on the console, broken policy, requests elsewhere).
import {existsSync, mkdirSync, readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";
import {chromium} from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const axe_source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
    "utf8");
export const shots = process.env.EVENKEEL_SHOTS ?? join(here, "../../build/browser");
export const PAGES = ["now", "spend", "breakeven", "machines", "routing", "gpus", "keys", "policy",
    "ledger", "health"];
export const SIZES = [320, 1280];
export const SCHEMES = ["light", "dark"];

export async function launch() {
    const program = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";
    if (!existsSync(program)) {
        throw new Error(`${program} is missing: ./scripts/setup.sh --tests installs Debian's chromium`);
    }
    mkdirSync(shots, {recursive: true});
    // As root there is no sandbox to be had; what is opened here is our own.
    return chromium.launch(
        {executablePath: program, args: process.getuid() === 0 ? ["--no-sandbox"] : []});
}

/// A window with a record of what went wrong. `allow`: answers whose failure a test wants to see.
export async function open(browser, url, options = {}) {
    const opened = await open_empty(browser, options);
    await opened.visit(url);
    return opened;
}

/// The same before anything is shown in it; `visit(url)` goes there.
export async function open_empty(browser,
    {scheme = "light", width = 1280, height = 900, clock = false, zone = "Australia/Sydney",
    allow = () => false} = {}) {
    const context = await browser.newContext({
        colorScheme: scheme, viewport: {width, height}, reducedMotion: "reduce", locale: "en-AU",
        timezoneId: zone, acceptDownloads: true});
    const page = await context.newPage();
    const wrong = [];
    let origin = "";
    page.on("pageerror", (error) => wrong.push(`exception: ${error.message}`));
    page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())
            && !allow(message.text(), message.location().url)) {
            wrong.push(`console ${message.type()}: ${message.text()} ${message.location().url}`);
        }
    });
    page.on("request", (request) => {
        if (!request.url().startsWith(origin)
            && !/^(data|blob):/.test(request.url())) {
            wrong.push(`asked elsewhere: ${request.url()}`);
        }
    });
    await page.addInitScript(() => addEventListener("securitypolicyviolation", (event) =>
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
    if (clock) {
        await page.clock.install();
    }
    const visit = async (url) => {
        origin = new URL(url).origin;
        await page.goto(url, {timeout: 60_000});
    };
    return {context, page, wrong, visit, close: () => context.close()};
}

/// Goes to one of the pages and waits until all it reads has come.
export async function go(page, name, query = "") {
    await page.evaluate((hash) => { location.hash = hash; }, `#/${name}${query}`);
    await page.waitForSelector(`main[data-page="${name}"] h1`);
    await settled(page);
}

export async function settled(page) {
    await page.waitForFunction(() => document.querySelector("main .head")
        && !document.querySelector("main .state.loading") &&
        ![...document.querySelectorAll("main td")].some((cell) => cell.textContent === "…"), null,
            {timeout: 15_000});
    await page.evaluate(() =>
        new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/// What axe finds that is serious or critical: [] when all is well. Contrast is the dearest of its
/// rules; it depends on the scheme and not on the width.
export async function axe(page, contrast = true) {
    if (!await page.evaluate(() => "axe" in globalThis)) {
        await page.evaluate(axe_source);
    }
    const violations = await page.evaluate(async (enabled) => (await globalThis.axe.run(document,
        {resultTypes: ["violations"], rules: {"color-contrast": {enabled}}})).violations, contrast);
    return violations.filter((one) => ["serious", "critical"].includes(one.impact)).map((one) =>
        `${one.id}: ${one.nodes.slice(0, 3).map((node) =>
            `${node.target.join(" ")} ${node.failureSummary ?? ""}`).join(" | ")}`);
}

/// Pixels by which the page is wider than the window: 0 when nothing scrolls sideways.
export const too_wide = (page) =>
    page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

export async function shoot(page, name) {
    await page.screenshot({path: join(shots, `${name}.png`), fullPage: true});
}
