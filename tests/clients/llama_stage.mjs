// A daemon that starts llama.cpp itself, with two small models, for the SDK tests.
import {execFileSync} from "node:child_process";
import {existsSync, mkdirSync, openSync, readFileSync, writeFileSync} from "node:fs";
import {join} from "node:path";
import {fileURLToPath} from "node:url";
import {Stage, freePort, until} from "./helpers.mjs";
import {sayings, writeModel} from "../engines/tiny_gguf.mjs";

const program = process.env.EVENKEEL_BIN;
const server = fileURLToPath(new URL("../engines/llama_server.mjs", import.meta.url));
const installed = new URL("../engines/node_modules/node-llama-cpp/package.json", import.meta.url);

/// node-llama-cpp needs Node 20 and this kind of processor; nothing but the reason otherwise.
export const missing = Number(process.versions.node.split(".")[0]) < 20
    ? `Node ${process.versions.node} is older than 20`
    : process.arch !== "x64" ? `no package for ${process.arch}`
    : !existsSync(installed) ? "tests/engines has no packages: run scripts/setup.sh --tests" : "";

const words = 40;
/// What each model says, always.
export const saying = {tiny: ` ${sayings(words).join(" ")}`, slow: ` ${sayings(200).join(" ")}`};

export async function startLlamaStage({memory = "3 GB", names = ["tiny", "slow"]} = {}) {
    const stage = new Stage();
    try {
        const ports = {api: await freePort(), admin: await freePort()};
        for (const name of names) {
            ports[name] = await freePort();
        }
        writeModel(join(stage.folder, "tiny.gguf"), {words});
        writeModel(join(stage.folder, "slow.gguf"), {words: 200, layers: 4, width: 8192});
        const config = join(stage.folder, "config");
        mkdirSync(config);
        const provider = (name) => `  ${name}-engine:
    kind: local
    engine: llama.cpp
    hardware: box
    url: "http://127.0.0.1:${ports[name]}"
    start:
      command: ["${process.execPath}", "${server}", --model, "${join(stage.folder, name)}.gguf",
                --alias, ${name}, --port, "${ports[name]}", --slots, "4", --context, "8192"]
      memory: ${memory}
      least_stay: 0s
      load_guess: 3s
`;
        const files = {
            evenkeel: `listen: {api: "127.0.0.1:${ports.api}", admin: "127.0.0.1:${ports.admin}"}\n` +
                "hardware:\n  - {name: box, gpus: [0], vram: 10 GiB}",
            providers: `providers:\n${names.map(provider).join("")}`,
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
            /// What the engine itself counts.
            async count(name, metric) {
                const text = await (await fetch(`http://127.0.0.1:${ports[name]}/metrics`)).text();
                return Number(new RegExp(`^llamacpp:${metric} (\\d+)$`, "m").exec(text)[1]);
            },
            stop: () => stage.stop(),
        };
    } catch (error) {
        await stage.stop();
        throw error;
    }
}
