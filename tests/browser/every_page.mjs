// What holds for every page of every daemon.
import assert from "node:assert/strict";
import {PAGES, SCHEMES, SIZES, axe, go, open, settled, shoot, too_wide} from "./browser.mjs";

/// Every page, light and dark, narrow and wide: whole, in policy, and nothing serious by axe.
export async function every_page(browser, name, daemon, {look_at = () => {}, allow} = {}) {
    await Promise.all(SCHEMES.map(async (scheme) => {
        for (const width of SIZES) {
            const {page, wrong, close} = await open(browser, `${daemon.url}/`, {scheme, width, allow});
            await settled(page);
            for (const one of PAGES) {
                await go(page, one);
                assert.ok(await too_wide(page) <= 0, `${one} is wider than ${width} px`);
                assert.deepEqual(await axe(page, width === SIZES[SIZES.length - 1]), [], `${name}, ${one}, ${scheme}, ${width}`);
                await look_at(page, one);
                await shoot(page, `daemon-${name}-${one}-${scheme}-${width}`);
            }
            assert.deepEqual(wrong, [], `${name}, ${scheme}, ${width}`);
            await close();
        }
    }));
}

export const nothing_failed = async (page, one) =>
    assert.equal(await page.locator("main .state.failed").count(), 0,
        `${one}: ${await page.locator("main .state.failed").allInnerTexts()}`);
