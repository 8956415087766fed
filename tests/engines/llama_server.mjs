// llama.cpp (as a library, node-llama-cpp) behind the part of llama-server's HTTP that the daemon
// and the SDKs use: it listens before the weights are loaded and says 503 until then.
//
//   node llama_server.mjs --model FILE --alias NAME --port N [--slots 2] [--context 2048]
import {createServer} from "node:http";
import {parseArgs} from "node:util";
import {getLlama} from "node-llama-cpp";

const {values: options} = parseArgs({options: {
    model: {type: "string"}, alias: {type: "string"}, port: {type: "string"},
    slots: {type: "string", default: "2"}, context: {type: "string", default: "2048"}}});
const slots = Number(options.slots);
const bodyBytesMax = 1024 * 1024;

let model = null;
const free = [];
const waiting = [];
const counts = {running: 0, prompt: 0, predicted: 0};

function json(response, status, value) {
    response.writeHead(status, {"content-type": "application/json; charset=utf-8"});
    response.end(JSON.stringify(value));
}
const failure = (response, code, type, message) =>
    json(response, code, {error: {code, message, type}});

const take = () => free.length > 0 ? Promise.resolve(free.pop())
    : new Promise((resolve) => waiting.push(resolve));
function giveBack(sequence) {
    const next = waiting.shift();
    if (next) {
        next(sequence);
    } else {
        free.push(sequence);
    }
}

function textOf(content) {
    return typeof content === "string" ? content
        : (content ?? []).map((part) => part.text ?? "").join("");
}
const prompt = (messages) => messages
    .map(({role, content}) => `<|turn|>${role}\n${textOf(content)}<|end|>\n`).join("") +
    "<|turn|>assistant\n";

async function readBody(request) {
    const parts = [];
    let length = 0;
    for await (const part of request) {
        parts.push(part);
        length += part.length;
        if (length > bodyBytesMax) {
            throw new Error("the body is too long");
        }
    }
    return JSON.parse(Buffer.concat(parts).toString("utf8"));
}

/// Calls `give` with each piece of text; tells how it ended and how many tokens came.
async function generate(tokens, limit, isGone, give) {
    const sequence = await take();
    counts.running += 1;
    counts.prompt += tokens.length;
    let made = 0;
    let finish = "stop";
    try {
        if (isGone()) {
            return {made, finish};
        }
        for await (const token of sequence.evaluate(tokens, {temperature: 0})) {
            made += 1;
            counts.predicted += 1;
            give(model.detokenize([token]));
            if (isGone()) {
                break;
            }
            if (made === limit) {
                finish = "length";
                break;
            }
            await new Promise((resolve) => setImmediate(resolve));  // see who went away
        }
    } finally {
        await sequence.clearHistory();
        counts.running -= 1;
        giveBack(sequence);
    }
    return {made, finish};
}

async function chat(request, response) {
    let asked;
    try {
        asked = await readBody(request);
    } catch {
        return failure(response, 500, "server_error", "the body is no JSON");
    }
    if (!Array.isArray(asked.messages)) {
        return failure(response, 400, "invalid_request_error", "'messages' is required");
    }
    const tokens = model.tokenize(prompt(asked.messages), true);
    const room = Number(options.context) - tokens.length - 1;
    if (room < 1) {
        return failure(response, 400, "exceed_context_size_error",
                       "the request exceeds the available context size");
    }
    const limit = Math.min(asked.max_completion_tokens ?? asked.max_tokens ?? room, room);
    const head = {id: `chatcmpl-${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`,
                  created: Math.floor(Date.now() / 1000), model: options.alias};
    let gone = false;
    response.on("close", () => {
        gone = true;
    });
    const send = (choices, more = {}) => response.write(`data: ${JSON.stringify(
        {...head, object: "chat.completion.chunk", choices, ...more})}\n\n`);
    const piece = (delta, finish_reason = null) => send([{index: 0, delta, finish_reason}]);
    if (asked.stream) {
        response.writeHead(200, {"content-type": "text/event-stream"});
        piece({role: "assistant", content: null});
    }
    let text = "";
    const {made, finish} = await generate(tokens, limit, () => gone, (part) => {
        text += part;
        if (asked.stream) {
            piece({content: part});
        }
    });
    if (gone) {
        return undefined;
    }
    const usage = {prompt_tokens: tokens.length, completion_tokens: made,
                   total_tokens: tokens.length + made};
    if (!asked.stream) {
        return json(response, 200, {...head, object: "chat.completion", usage, choices: [
            {index: 0, message: {role: "assistant", content: text}, finish_reason: finish}]});
    }
    piece({}, finish);
    if (asked.stream_options?.include_usage) {
        send([], {usage});
    }
    return response.end("data: [DONE]\n\n");
}

const metrics = () => [
    ["requests_processing", counts.running], ["requests_deferred", waiting.length],
    ["prompt_tokens_total", counts.prompt], ["tokens_predicted_total", counts.predicted],
].map(([name, value]) => `llamacpp:${name} ${value}\n`).join("");

const server = createServer((request, response) => {
    if (!model) {
        return failure(response, 503, "unavailable_error", "Loading model");
    }
    switch (`${request.method} ${request.url.split("?")[0]}`) {
        case "GET /health":
            return json(response, 200, {status: "ok"});
        case "GET /v1/models":
            return json(response, 200, {object: "list", data: [
                {id: options.alias, object: "model", created: 0, owned_by: "llamacpp",
                 meta: {n_ctx: Number(options.context)}}]});
        case "GET /metrics":
            response.writeHead(200, {"content-type": "text/plain; version=0.0.4"});
            return response.end(metrics());
        case "POST /v1/chat/completions":
            return chat(request, response).catch((error) => {
                console.error(`request failed: ${error.message}`);
                response.destroy();
            });
        default:
            return failure(response, 404, "not_found_error", "File Not Found");
    }
});
server.listen(Number(options.port), "127.0.0.1", () => console.log("main: loading model"));
process.on("SIGTERM", () => process.exit(0));

const llama = await getLlama({gpu: false, build: "never", logLevel: "error", maxThreads: 1});
const loaded = await llama.loadModel({modelPath: options.model});
const context = await loaded.createContext(
    {contextSize: Number(options.context), sequences: slots, threads: 1});
for (let i = 0; i < slots; ++i) {
    free.push(context.getSequence());
}
model = loaded;
console.log("main: server is listening");
