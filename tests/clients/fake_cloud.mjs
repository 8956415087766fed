// The fake vendors as a process, for tests of vendors' clients.
import {existsSync, readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";
import {Stage, freePort, until} from "./helpers.mjs";

const evenkeel = process.env.EVENKEEL_BIN ?? "";
const program = process.env.FAKE_CLOUD_BIN ??
    join(dirname(evenkeel), "tests", "fakes", "cloud", "fake_cloud");
if (!existsSync(program)) {
    throw new Error("FAKE_CLOUD_BIN must name the fake_cloud binary, or EVENKEEL_BIN the evenkeel " +
        "binary of the same build");
}

export const token = "fake-token-for-clients";
const here = dirname(fileURLToPath(import.meta.url));

/// Machines that live fast: placed after 0.1 s, running after 0.2 s, gone 0.1 s after their delete.
const fast = ["--placing", "100ms", "--boot", "200ms", "--loading", "100ms", "--deleting", "100ms"];

export async function startFakeCloud(pace = fast) {
    const stage = new Stage();
    const places = join(stage.folder, "places.json");
    const stop = () => stage.stop();
    try {
        stage.start(program, ["--state", join(stage.folder, "state"), "--places-file", places,
                              "--token", token, "--engine-program", evenkeel,
                              "--no-rate-limits", "--die-with-parent", ...pace]);
        await until("the fake vendors", () => existsSync(places));
        const at = JSON.parse(readFileSync(places, "utf8"));
        const inspect = async (path) => (await fetch(at.inspect + path)).json();
        const turn = async (path, body) => {
            const answer =
                await fetch(at.inspect + path, {method: "POST", body: JSON.stringify(body)});
            if (!answer.ok) {
                throw new Error(`POST ${path}: ${await answer.text()}`);
            }
            return answer.json();
        };
        /// Prism with an official description in front of one vendor. Breaks of the description
        /// become errors that name them: 422 for what the client sent, 500 for what came back.
        const startPrism = async (vendor, description) => {
            const cli = createRequire(import.meta.url).resolve("@stoplight/prism-cli");
            const port = await freePort();
            const file = join(here, "..", "data", "openapi", description);
            stage.start(process.execPath, [cli, "proxy", "-h", "127.0.0.1", "-p", String(port),
                                           "--errors", "-v", "warn", file, at[vendor].http]);
            const base = `http://127.0.0.1:${port}`;
            await until(`prism for ${vendor}`, async () => {
                try {
                    await fetch(base);
                    return true;
                } catch {
                    return false;
                }
            }, 60_000);
            return base;
        };
        return {at, inspect, turn, startPrism, stop};
    } catch (error) {
        await stop();
        throw error;
    }
}
