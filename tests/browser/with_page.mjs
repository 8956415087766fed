// A browser for the tests of one file, and its page against a stand-in that each test describes.
import {after, before} from "node:test";
import {launch, open, settled} from "./browser.mjs";
import {StandIn} from "./stand_in.mjs";

/// `with_page(documents, options, work)`: the browser is there while the file's tests run.
export function make_with_page() {
    let browser = null;
    before(async () => { browser = await launch(); });
    after(() => browser.close());
    return async function with_page(documents, options, work) {
        const server = await new StandIn(documents).start();
        const opened = await open(browser, `${server.url}/`, options);
        try {
            await settled(opened.page);
            await work({server, ...opened});
        } finally {
            await opened.close();
            await server.stop();
        }
    };
}
