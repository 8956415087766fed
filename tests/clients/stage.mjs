// A daemon with one synthetic engine behind it, for the SDK tests. Loopback only; everything that
// is started here is stopped here.
import {execFileSync} from "node:child_process";
import {mkdirSync, readFileSync, writeFileSync, existsSync} from "node:fs";
import {join} from "node:path";
import {Stage, freePort, until} from "./helpers.mjs";

const program = process.env.EVENKEEL_BIN;
if (!program || !existsSync(program)) {
    throw new Error("EVENKEEL_BIN must name the evenkeel binary, for example build/dev/evenkeel");
}

export async function startStage() {
    const stage = new Stage();
    const {folder} = stage;
    const start = (...args) => stage.start(program, args);
    const stop = () => stage.stop();
    try {
        const portFile = join(folder, "engine.port");
        start("engine", "--synthetic", "--profile", "5090-32b-awq", "--model", "qwq-32b",
              "--speed", "100", "--listen", "127.0.0.1:0", "--port-file", portFile);
        const enginePort =
            await until("the engine's port", () => existsSync(portFile) &&
                Number(readFileSync(portFile, "utf8").trim()));
        const [api, admin] = [await freePort(), await freePort()];
        const config = join(folder, "config");
        const state = join(folder, "state");
        mkdirSync(config);
        writeFileSync(join(config, "evenkeel.yaml"),
            `version: 1\nlisten: {api: "127.0.0.1:${api}", admin: "127.0.0.1:${admin}"}\n`);
        writeFileSync(join(config, "providers.yaml"),
            "version: 1\nproviders:\n  desk: {kind: local, engine: synthetic, " +
            `url: "http://127.0.0.1:${enginePort}", synthetic: true}\n`);
        writeFileSync(join(config, "models.yaml"),
            "version: 1\nmodels:\n  qwq-32b:\n    context: 32k\n    aliases: [qwq]\n" +
            "    offers:\n      - {on: desk, slots: 4}\n");
        writeFileSync(join(config, "policy.yaml"),
            "version: 1\nroutes:\n  - {name: default, match: {}, use: [qwq-32b], max_wait: 5s}\n");
        const folders = ["--config", config, "--state", state];
        const made = execFileSync(program, ["keys", "create", "sdk", "--json", ...folders],
                                  {encoding: "utf8", stdio: ["ignore", "pipe", "ignore"]});
        start("serve", ...folders);
        await until("the daemon", async () => {
            try {
                return (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok;
            } catch {
                return false;
            }
        });
        const status = async () => (await fetch(`http://127.0.0.1:${admin}/api/status`)).json();
        return {baseURL: `http://127.0.0.1:${api}/v1`, apiKey: JSON.parse(made).key, status, stop,
                until};
    } catch (error) {
        await stop();
        throw error;
    }
}
