// A scripted upstream: an engine or an API that answers in the vendors' shapes what the text of a
// request asks for, refuses what they would refuse, and remembers who asked and who went away.
import {createHash} from "node:crypto";
import {once} from "node:events";
import {createServer} from "node:http";
import {setImmediate as next, setTimeout as pause} from "node:timers/promises";
import {caseOf, longPrompt} from "./answers.mjs";
import * as anthropic from "./upstream_anthropic.mjs";
import * as openai from "./upstream_openai.mjs";

export const digest = (text) => createHash("sha256").update(text).digest("hex").slice(0, 16);
const ticks = {text: "tick ".repeat(300)};

function readBody(asked) {
    return new Promise((resolve, reject) => {
        const chunks = [];
        asked.on("data", (chunk) => chunks.push(chunk));
        asked.on("end", () => resolve(Buffer.concat(chunks).toString()));
        asked.on("error", reject);
    });
}

/// Every event in two writes, cut wherever its middle falls: within a character, too.
async function stream(reply, events, {every = 0, until = Infinity, last} = {}) {
    reply.writeHead(200, {"Content-Type": "text/event-stream"});
    let count = 0;
    for (const event of events) {
        if (reply.destroyed || ++count > until) {
            last ? reply.end(last) : reply.destroy();
            return;
        }
        const bytes = Buffer.from(event);
        reply.write(bytes.subarray(0, bytes.length >> 1));
        await next();
        reply.write(bytes.subarray(bytes.length >> 1));
        await (every ? pause(every) : next());
    }
    reply.end();
}

/// `key` is the credential that requests must bring; engines differ in where they say thoughts.
export async function startUpstream(key, thinkingField = "reasoning_content") {
    const seen = new Map();  // by the id of a case: {requests: Set, aborted: ms since 1970}
    const entry = (id) => {
        if (!seen.has(id)) {
            seen.set(id, {requests: new Set(), aborted: 0});
        }
        return seen.get(id);
    };
    const threads = new Map();  // by the id of the last answer: the request that goes on from it
    const send = (reply, status, body, headers = {}) => {
        reply.writeHead(status, {"Content-Type": "application/json", ...headers});
        reply.end(JSON.stringify(body));
    };

    async function serve(asked, reply) {
        const path = asked.url;
        if (asked.method === "GET") {
            const listed = {object: "list", data: []};
            send(reply, path === "/health" || path === "/v1/models" ? 200 : 404, listed);
            return;
        }
        let body = JSON.parse(await readBody(asked));
        const vendor = path === "/v1/messages" ? anthropic : openai;
        const {headers} = asked;
        const refuse = (what, more) => send(reply, ...vendor.error(what, what), more);
        if (headers["x-api-key"] !== key && headers.authorization !== `Bearer ${key}`) {
            refuse("credential");
            return;
        }
        const thread = vendor === anthropic ? body.thread : undefined;
        if (thread) {
            body = anthropic.resume(threads, headers, body);
        }
        const fault = body ? vendor.fault(path, headers, body) : "no such thread";
        if (fault) {
            refuse(`upstream: ${fault}`);
            return;
        }
        const {name, id} = caseOf(body.messages ?? body.input ?? body.prompt);
        const known = entry(id);
        known.requests.add(headers["x-request-id"]);
        reply.on("close", () => {
            if (!reply.writableFinished) {
                known.aborted = Date.now();
            }
        });
        if (["context", "credential", "quota"].includes(name)) {
            refuse(name);
            return;
        }
        // Refused is the first request; what the gateway tries again for it counts as the same.
        if (["busy", "bare", "overloaded"].includes(name) && known.requests.size < 2) {
            refuse(name === "bare" ? "busy" : name, name === "bare" ? {} : {"Retry-After": "1"});
            return;
        }
        if (name === "hold") {
            await Promise.race([once(reply, "close"), pause(10_000, undefined, {ref: false})]);
            reply.destroy();
            return;
        }
        let answer = vendor.answerOf(body);
        if (name === "image") {
            answer = {text: `saw ${vendor.imagesOf(body).map(digest).join(" ")}`};
        } else if (name === "long") {
            const whole = vendor.textsOf(body) === longPrompt;
            answer = {text: `read ${whole ? "all of it" : "something else"}`};
        } else if (name === "slow") {
            answer = ticks;
        }
        const [whole, events] = {
            "/v1/messages": [anthropic.message, anthropic.messageEvents],
            "/v1/chat/completions": [openai.chat, openai.chatEvents],
            "/v1/completions": [openai.completion, openai.completionEvents],
            "/v1/responses": [(asks, says) => openai.response(asks, says), openai.responseEvents],
            "/v1/embeddings": [openai.embeddings],
        }[path];
        if (body.stream) {
            const manner = {slow: {every: 30}, cut: {until: 6},
                            fails: {until: 6, last: vendor.failure}};
            await stream(reply, events(body, answer, thinkingField), manner[name]);
        } else {
            const said = whole(body, answer, thinkingField);
            if (thread) {
                threads.set(said.id, {...body, messages: [
                    ...body.messages, {role: "assistant", content: said.content}]});
            }
            send(reply, 200, said);
        }
    }

    const server = createServer((asked, reply) => {
        serve(asked, reply).catch((error) => {
            if (!reply.headersSent) {
                send(reply, 500, {error: {message: String(error.stack)}});
            } else {
                reply.destroy();
            }
        });
    });
    server.keepAliveTimeout = 60_000;
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return {
        url: `http://127.0.0.1:${server.address().port}`,
        requests: (id) => entry(id).requests.size,
        aborted: (id) => entry(id).aborted,
        stop() {
            server.close();
            server.closeAllConnections();
        },
    };
}
