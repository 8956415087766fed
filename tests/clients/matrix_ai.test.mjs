// The npm `ai` SDK with its OpenAI-compatible, OpenAI and Anthropic providers, unchanged, against
// the daemon with each kind of source behind it. Every case runs with every provider that has it.
import assert from "node:assert/strict";
import {createAnthropic} from "@ai-sdk/anthropic";
import {createOpenAI} from "@ai-sdk/openai";
import {createOpenAICompatible} from "@ai-sdk/openai-compatible";
import {APICallError, Output, RetryError, embedMany, generateText, jsonSchema, stepCountIs,
        streamText, tool} from "ai";
import {city, longPrompt, png, said, schema, toolResult} from "./answers.mjs";
import {assertCalls, assertUsage, assertVectors, tooLong} from "./expect.mjs";
import {lengthTokens} from "./llama_model.mjs";
import {arrival, goneAfter, matrix} from "./matrix.mjs";
import {digest} from "./upstream.mjs";

const quiet = {onError() {}};

/// By name: what makes a model of `id`; `root` and `more` as the case needs them.
const providers = {
    compatible: (root, apiKey, headers) => createOpenAICompatible(
        {name: "evenkeel", baseURL: `${root}/v1`, apiKey, headers, includeUsage: true,
         supportsStructuredOutputs: true}),
    chat: (root, apiKey, headers) => createOpenAI({baseURL: `${root}/v1`, apiKey, headers}).chat,
    messages: (root, apiKey, headers) => createAnthropic({baseURL: `${root}/v1`, apiKey, headers}),
};
const responses = (root, apiKey, headers) =>
    createOpenAI({baseURL: `${root}/v1`, apiKey, headers});

function lookup(asked, answers) {
    return {lookup: tool({
        description: "The weather of a city.",
        inputSchema: jsonSchema({type: "object", required: ["city"],
                                 properties: {city: {type: "string"}, days: {type: "integer"}}}),
        ...(answers && {execute: (input) => {
            asked.push(input);
            return toolResult;
        }}),
    })};
}

const checkUsage = (kind, got) => assertUsage(kind, "plain", {
    prompt: got.inputTokens, cached: got.inputTokenDetails.cacheReadTokens,
    completion: got.outputTokens});

const callsOf = (calls) => calls.map(({toolCallId: id, toolName: name, input: args}) =>
    ({id, name, args}));

async function refused(promise, status, more = () => {}) {
    await assert.rejects(promise, (error) => {
        const last = RetryError.isInstance(error) ? error.lastError : error;
        assert.ok(APICallError.isInstance(last), `${last}`);
        assert.equal(last.statusCode, status, last.responseBody);
        more(last, JSON.parse(last.responseBody));
        return true;
    });
}

matrix("ai", (check) => {
    /// Runs a case with each provider: `run(ask, stage, kind, name)`, `ask(prompt, more)` being the
    /// arguments of generateText.
    const each = (id, run, among = providers, where = undefined) => check(id, (stage, kind) =>
        Promise.all(Object.entries(among).map(([name, make]) => {
            const model = make(stage.root, stage.key, {})(kind ? stage.model(kind) : "worker");
            const ask = (prompt, more = {}) => ({model, prompt, system: "Be brief.", maxRetries: 0,
                                                 maxOutputTokens: 2_000, ...more});
            return run(ask, stage, kind, name);
        })), where);
    /// The same with a source and a count of its own, through the door.
    const eachCounted = (id, run) => check(id, (stage, kind) =>
        Promise.all(Object.entries(providers).map(([, make]) => {
            const tag = stage.newId();
            const model = make(stage.door.root, stage.key, {"x-case": tag})(stage.spare(kind));
            return run({model, prompt: `#${id}:${tag}`, maxRetries: 2}, stage, tag);
        })));

    each("plain", async (ask, stage, kind) => {
        const answer = await generateText(ask("#plain"));
        assert.equal(answer.text, said.plain.text);
        assert.equal(answer.finishReason, "stop");
        assert.equal(answer.response.modelId, stage.model(kind));
        checkUsage(kind, answer.usage);
    });
    each("stream", async (ask, stage, kind) => {
        const running = streamText(ask("#plain"));
        let text = "";
        for await (const piece of running.textStream) {
            text += piece;
        }
        assert.equal(text, said.plain.text);
        assert.equal(await running.finishReason, "stop");
        checkUsage(kind, await running.usage);
    });
    each("length", async (ask) => {
        const answer = await generateText(ask("#length", {maxOutputTokens: lengthTokens}));
        assert.equal(answer.text, said.length.text);
        assert.equal(answer.finishReason, "length");
    });
    each("tools", async (ask) => {
        const asked = [];
        const answer = await generateText(ask("#tools", {
            tools: lookup(asked, true), stopWhen: stepCountIs(3)}));
        assert.equal(answer.text, said.result.text);
        assert.equal(answer.steps.length, 2);
        assert.deepEqual(asked, said.tools.calls.map((call) => call.args));
    });
    each("parallel", async (ask, stage, kind) => {
        const running = streamText(ask("#parallel", {
            tools: lookup([], true), stopWhen: stepCountIs(3)}));
        const [first, last] = await running.steps;
        assertCalls(kind, "parallel", callsOf(first.toolCalls));
        assert.equal(first.finishReason, "tool-calls");
        assert.equal(last.text, said.result.text);
    });
    const {chat, compatible, messages} = providers;
    each("thinking", async (ask) => {
        const answer = await generateText(ask("#thinking"));
        assert.equal(answer.reasoningText, said.thinking.thinking);
        assert.equal(answer.text, said.thinking.text);
        const running = streamText(ask("#thinking"));
        await running.consumeStream();
        assert.equal(await running.reasoningText, said.thinking.thinking);
        assert.equal(await running.text, said.thinking.text);
    }, {compatible, messages});
    each("refusal", async (ask, stage, kind, name) => {
        const answer = await generateText(ask("#refusal"));
        // Of OpenAI's `refusal` these two providers show nothing, whoever sends it.
        if (name === "messages" || kind === "A") {
            assert.equal(answer.finishReason, "content-filter");
        }
        if (name === "messages") {
            assert.equal(answer.text, said.refusal.text);
        }
    });
    each("schema", async (ask) => {
        const {output} = await generateText(ask(
            "#schema", {output: Output.object({schema: jsonSchema(schema)})}));
        assert.deepEqual(output, city);
    }, {compatible, chat});
    each("image", async (ask) => {
        const image = Buffer.from(png, "base64");
        const content = [{type: "text", text: "#image"},
                         {type: "image", image, mediaType: "image/png"}];
        const {text} = await generateText(ask(undefined, {messages: [{role: "user", content}]}));
        assert.equal(text, `saw ${digest(png)}`);
    });
    each("long", async (ask) => {
        assert.equal((await generateText(ask(longPrompt))).text, "read all of it");
    });
    each("responses", async (ask, stage, kind) => {
        const answer = await generateText(ask("#plain"));
        assert.equal(answer.text, said.plain.text);
        assert.equal(answer.finishReason, "stop");
        checkUsage(kind, answer.usage);
        const told = await generateText(ask("#parallel", {
            tools: lookup([], true), stopWhen: stepCountIs(3),
            providerOptions: {openai: {store: false}}}));
        assertCalls(kind, "parallel", callsOf(told.steps[0].toolCalls));
        assert.equal(told.text, said.result.text);
    }, {responses}, ["W", "O"]);
    each("responding", async (ask, stage, kind) => {
        const asked = [];
        const running = streamText(ask("#tools", {
            tools: lookup(asked, true), stopWhen: stepCountIs(3),
            providerOptions: {openai: {store: false}}}));
        assert.equal((await running.steps).length, 2);
        assert.equal(await running.text, said.result.text);
        assert.deepEqual(asked, said.tools.calls.map((call) => call.args));
        const many = streamText(ask("#parallel", {tools: lookup([], false)}));
        assertCalls(kind, "parallel", callsOf(await many.toolCalls));
    }, {responses}, ["W", "O"]);
    check("embeddings", async (stage, kind) => {
        for (const make of [compatible, responses]) {
            const provider = make(stage.root, stage.key);
            const {embeddings, usage: used} = await embedMany({
                model: provider.embeddingModel(stage.model(kind)), values: ["one", "two"],
                maxRetries: 0});
            assertVectors(kind, embeddings);
            assert.equal(used.tokens, 8);
        }
    }, ["W", "O"]);
    each("abort", async (ask, stage) => {
        const id = stage.newId();
        const controller = new AbortController();
        const running = streamText(ask(`#slow:${id}`, {abortSignal: controller.signal, ...quiet}));
        let pieces = 0;
        let left = 0;
        for await (const piece of running.textStream) {
            if (piece && ++pieces === 3) {
                await arrival(stage, id);
                left = Date.now();
                controller.abort();
            }
        }
        assert.ok(await goneAfter(stage, id, left) < 500);
    });
    each("leave", async (ask, stage) => {
        const id = stage.newId();
        const controller = new AbortController();
        const ended = assert.rejects(
            generateText(ask(`#hold:${id}`, {abortSignal: controller.signal})),
            {name: "AbortError"});
        await arrival(stage, id);
        const left = Date.now();
        controller.abort();
        await ended;
        assert.ok(await goneAfter(stage, id, left) < 500);
    });
    for (const name of ["busy", "bare", "overloaded"]) {
        eachCounted(name, async (ask, stage, tag) => {
            assert.equal((await generateText(ask)).text, said.plain.text);
            assert.equal(stage.door.hits(tag), 2);
            assert.equal(stage.requests(tag), 2);
        });
    }
    each("context", (ask, stage, kind, name) => refused(
        generateText(ask(tooLong(kind))), 400, (error, body) => {
            if (name === "messages") {
                assert.match(body.error.message, /^prompt is too long/);
            } else {
                assert.equal(body.error.code, "context_length_exceeded");
            }
        }));
    check("credential", (stage, kind) => Promise.all(Object.values(providers).map((make) =>
        refused(generateText({model: make(stage.root, stage.key, {})(stage.spare(kind)),
                              prompt: "#credential", maxRetries: 0}), 502))));
    for (const name of ["cut", "fails"]) {
        each(name, async (ask) => {
            const errors = [];
            const running = streamText(ask(`#${name}`, {onError: ({error}) => errors.push(error)}));
            let text = "";
            for await (const piece of running.textStream) {
                text += piece;
            }
            assert.ok(text.length > 0);
            assert.equal(errors.length, 1);
        });
    }
    check("key", (stage) => Promise.all(Object.values(providers).map((make) =>
        refused(generateText({model: make(stage.root, "ek-wrong", {})("worker"), prompt: "#plain"}),
                401))), []);
    check("unknown", (stage) => Promise.all(Object.values(providers).map((make) =>
        refused(generateText({model: make(stage.root, stage.key, {})("gone"), prompt: "#plain"}),
                404))), []);
});
