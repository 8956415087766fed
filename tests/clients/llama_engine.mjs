// The real engine: llama-server with a hand-made model, as a daemon's configuration starts it.
import assert from "node:assert/strict";
import {existsSync} from "node:fs";
import {fileURLToPath} from "node:url";
import {python} from "./helpers.mjs";
import {writeModel} from "../engines/tiny_gguf.mjs";
import {chains, endless, template} from "./llama_model.mjs";

const server = fileURLToPath(new URL("../engines/llama_server.py", import.meta.url));

/// Why there is no real engine on this machine; empty where there is one.
export const missing = process.arch === "x64" ? ""
    : `no llama-server for ${process.arch}: its package is for x86-64 only`;

/// What a slot holds, prompt and answer together.
export const slotTokens = 4096;

/// Writes the model to `file`. It needs about 2 ms for a token of its own, and no longer for ten of
/// the prompt, or more where it is wider.
export function writeLlama(file, answers = chains, width = 4096) {
    writeModel(file, {chains: answers, endless, template, width, context: slotTokens});
}

/// A line of providers.yaml: llama-server with the model `file`, started by the daemon.
export function llamaProvider({provider, model, file, port, memory = "1 GB", more = ""}) {
    assert.ok(existsSync(python), "there are no Python packages: run scripts/setup.sh --tests");
    const command = [python, server, "--model", file, "--alias", model, "--port", `${port}`,
                     "--slots", "4", "--context", `${slotTokens}`, "--embeddings"];
    return `  ${provider}: {kind: local, engine: llama.cpp, hardware: box, ` +
        `url: "http://127.0.0.1:${port}", start: {command: ${JSON.stringify(command)}, ` +
        `memory: ${memory}, load_guess: 3s${more}}}`;
}

/// Looks what the engine is doing, by the ids of the requests in its slots ("#slow:c7"): when each
/// was seen first, and when it was gone.
export function watchSlots(root) {
    const seen = new Map();
    let stopped = false;
    const look = async () => {
        const slots = await (await fetch(`${root}/slots`)).json();
        const busy = new Set(slots.filter((slot) => slot.is_processing)
            .map((slot) => /#slow:(\w+)</.exec(slot.prompt ?? "")?.[1]));
        busy.forEach((id) => id && !seen.has(id) && seen.set(id, {gone: 0}));
        for (const [id, entry] of seen) {
            entry.gone ||= busy.has(id) ? 0 : Date.now();
        }
    };
    (async () => {
        while (!stopped) {
            await look().catch(() => {});  // it may not listen yet
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
    })();
    return {
        requests: (id) => seen.has(id) ? 1 : 0,
        aborted: (id) => seen.get(id)?.gone ?? 0,
        stop() {
            stopped = true;
        },
    };
}
