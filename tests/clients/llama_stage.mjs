// A daemon that starts two llama-servers itself, on one GPU.
import {execFileSync} from "node:child_process";
import {mkdirSync, openSync, readFileSync, writeFileSync} from "node:fs";
import {join} from "node:path";
import {Stage, freePort, until} from "./helpers.mjs";
import {llamaProvider, writeLlama} from "./llama_engine.mjs";
import {cut} from "../engines/tiny_gguf.mjs";

const program = process.env.EVENKEEL_BIN;

/// What each model says; and, asked for "#slow", it does not stop to say something else.
export const saying = {fore: "The bow goes first.", aft: "The stern follows it.",
                       twins: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"};
// Letter by letter, so that the model goes on from any of them.
const answersOf = (model) => model === "twins" ? {plain: [...saying.twins]}
    : cut({plain: saying[model], slow: "tick tock "});

/// `engines`: by name, the model of each. `memory` is what each takes of 10 GiB.
export async function startLlamaStage(engines, {memory, width, route = ""}) {
    const stage = new Stage();
    const names = Object.keys(engines);
    const models = [...new Set(Object.values(engines))];
    try {
        const ports = {api: await freePort(), admin: await freePort()};
        const fileOf = (model) => join(stage.folder, `${model}.gguf`);
        models.forEach((model) => writeLlama(fileOf(model), answersOf(model), width));
        for (const name of names) {
            ports[name] = await freePort();
        }
        const config = join(stage.folder, "config");
        mkdirSync(config);
        const provider = (name) => llamaProvider({
            provider: `${name}-engine`, model: engines[name], file: fileOf(engines[name]),
            port: ports[name], memory, more: ", least_stay: 0s"});
        const offers = (model) => names.filter((name) => engines[name] === model)
            .map((name) => `{on: ${name}-engine, slots: 4}`).join(", ");
        const files = {
            evenkeel: `listen: {api: "127.0.0.1:${ports.api}", ` +
                `admin: "127.0.0.1:${ports.admin}"}\n` +
                "hardware:\n  - {name: box, gpus: [0], vram: 10 GiB}",
            providers: `providers:\n${names.map(provider).join("\n")}`,
            models: `models:\n${models.map((model) =>
                `  ${model}: {context: 2k, offers: [${offers(model)}]}`).join("\n")}`,
            policy: `routes:\n${models.map((model) => `  - {name: ${model}, ` +
                `match: {model: [${model}]}, use: [${model}], max_wait: 30s${route}}`).join("\n")}`,
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
