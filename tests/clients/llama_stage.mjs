// A daemon that starts two llama-servers itself, each with a model of its own, on one GPU where
// both do not fit.
import {execFileSync} from "node:child_process";
import {mkdirSync, openSync, readFileSync, writeFileSync} from "node:fs";
import {join} from "node:path";
import {Stage, freePort, until} from "./helpers.mjs";
import {llamaProvider, writeLlama} from "./llama_engine.mjs";
import {cut} from "../engines/tiny_gguf.mjs";

const program = process.env.EVENKEEL_BIN;

/// What each model says, always.
export const saying = {fore: "The bow goes first.", aft: "The stern follows it."};
const names = Object.keys(saying);

export async function startLlamaStage() {
    const stage = new Stage();
    try {
        const ports = {api: await freePort(), admin: await freePort()};
        for (const name of names) {
            ports[name] = await freePort();
            writeLlama(join(stage.folder, `${name}.gguf`), cut({plain: saying[name]}));
        }
        const config = join(stage.folder, "config");
        mkdirSync(config);
        const provider = (name) => llamaProvider({
            provider: `${name}-engine`, model: name, file: join(stage.folder, `${name}.gguf`),
            port: ports[name], memory: "6 GB", more: ", least_stay: 0s"});
        const files = {
            evenkeel: `listen: {api: "127.0.0.1:${ports.api}", ` +
                `admin: "127.0.0.1:${ports.admin}"}\n` +
                "hardware:\n  - {name: box, gpus: [0], vram: 10 GiB}",
            providers: `providers:\n${names.map(provider).join("\n")}`,
            models: `models:\n${names.map((name) =>
                `  ${name}: {context: 2k, offers: [{on: ${name}-engine, slots: 4}]}`).join("\n")}`,
            policy: `routes:\n${names.map((name) =>
                `  - {name: ${name}, match: {model: [${name}]}, use: [${name}], max_wait: 30s}`)
                .join("\n")}`,
        };
        for (const [name, text] of Object.entries(files)) {
            writeFileSync(join(config, `${name}.yaml`), `version: 1\n${text}\n`);
        }
        const folders = ["--config", config, "--state", join(stage.folder, "state")];
        const made = execFileSync(program, ["keys", "create", "sdk", "--json", ...folders],
                                  {encoding: "utf8", stdio: ["ignore", "pipe", "ignore"]});
        const logFile = join(stage.folder, "daemon.log");
        const child = stage.start(program, ["serve", ...folders],
                                  {stdio: ["ignore", "ignore", openSync(logFile, "a")]});
        const at = `http://127.0.0.1:${ports.admin}`;
        await until("the daemon", async () => {
            try {
                return (await fetch(`${at}/readyz`)).ok;
            } catch {
                return false;
            }
        });
        return {
            root: `http://127.0.0.1:${ports.api}`,
            key: JSON.parse(made).key,
            child,
            log: () => readFileSync(logFile, "utf8"),
            async state(name) {
                const {sources} = await (await fetch(`${at}/api/status`)).json();
                return sources.find((source) => source.name === `${name}-engine`)?.state;
            },
            stop: () => stage.stop(),
        };
    } catch (error) {
        await stage.stop();
        throw error;
    }
}
