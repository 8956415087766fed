// npm `langchain` with ChatOpenAI and ChatAnthropic, unchanged, against the daemon with each kind
// of source behind it. Every case runs with both where both have it. (ChatAnthropic brings an older
// Anthropic SDK of its own: the key comes as x-api-key.)
import assert from "node:assert/strict";
import {webcrypto} from "node:crypto";
import {ChatAnthropic} from "@langchain/anthropic";
import {ChatOpenAI, OpenAIEmbeddings} from "@langchain/openai";
import {HumanMessage, ToolMessage, createAgent, tool} from "langchain";
import {city, longPrompt, png, said, schema as citySchema, toolResult,
        usage} from "./answers.mjs";
import {assertCalls, assertLogprobs, assertUsage, assertVectors, tooLong,
        usageOf} from "./expect.mjs";
import {lengthTokens} from "./llama_model.mjs";
import {arrival, goneAfter, matrix} from "./matrix.mjs";
import {digest} from "./upstream.mjs";

globalThis.crypto ??= webcrypto;  // Node 18 has it, but not there

const makers = {
    openai: (root, apiKey, model, {headers, ...more} = {}) => new ChatOpenAI({
        model, apiKey, maxRetries: 0,
        configuration: {baseURL: `${root}/v1`, defaultHeaders: headers}, ...more}),
    anthropic: (root, apiKey, model, {headers, ...more} = {}) => new ChatAnthropic({
        model, apiKey, maxTokens: 2_000, maxRetries: 0, anthropicApiUrl: root,
        clientOptions: {defaultHeaders: headers}, ...more}),
};
const {openai, anthropic} = makers;
const limited = Object.fromEntries(Object.entries(makers).map(([name, make]) =>
    [name, (root, key, model) => make(root, key, model, {maxTokens: lengthTokens})]));
const responses = (root, key, model, more = {}) =>
    openai(root, key, model, {useResponsesApi: true, ...more});

const schema = {type: "object", required: ["city"],
                properties: {city: {type: "string"}, days: {type: "integer"}}};
const description = "The weather of a city.";
const lookup = {type: "function", function: {name: "lookup", description, parameters: schema}};

const callsOf = (message) => message.tool_calls.map(({id, name, args}) => ({id, name, args}));
const finishOf = ({response_metadata: told, additional_kwargs: more}) =>
    told.finish_reason ?? told.stop_reason ?? more.stop_reason;

const checkUsage = (kind, {usage_metadata: got}) => assertUsage(kind, "plain", {
    completion: got.output_tokens, prompt: got.input_tokens,
    cached: got.input_token_details?.cache_read ?? usage.cached});

async function collect(stream, onPiece = () => {}) {
    let whole;
    for await (const piece of await stream) {
        whole = whole ? whole.concat(piece) : piece;
        await onPiece(piece);
    }
    return whole;
}

async function refused(promise, status, more = () => {}) {
    await assert.rejects(promise, (error) => {
        assert.equal(error.status, status, `${error}`);
        more(error);
        return true;
    });
}

matrix("langchain", (check) => {
    const each = (id, run, among = makers, where = undefined) => check(id, (stage, kind) =>
        Promise.all(Object.entries(among).map(([name, make]) => run(
            make(stage.root, stage.key, kind ? stage.model(kind) : "worker"), stage, kind, name))),
        where);

    each("plain", async (model, stage, kind, name) => {
        const answer = await model.invoke([["system", "Be brief."], ["human", "#plain"]]);
        assert.equal(answer.text, said.plain.text);
        assert.equal(finishOf(answer), name === "openai" ? "stop" : "end_turn");
        checkUsage(kind, answer);
    });
    each("stream", async (model, stage, kind, name) => {
        const answer = await collect(model.stream([["system", "Be brief."], ["human", "#plain"]]));
        assert.equal(answer.text, said.plain.text);
        assert.equal(finishOf(answer), name === "openai" ? "stop" : "end_turn");
        if (name === "openai") {
            checkUsage(kind, answer);
            return;
        }
        // ChatAnthropic reads the prompt's tokens from the first event, where a translated stream
        // has an estimate, and adds up the output's of the first and the last.
        const {input_tokens: read, output_tokens: written} = answer.usage_metadata;
        assert.ok(kind === "A" ? read === usage.prompt : read > 0, `${read}`);
        const [least] = usageOf(kind, "plain").completion;
        assert.ok(written >= least && written <= least + 1, `${written}`);
    });
    each("length", async (model, stage, kind, name) => {
        const answer = await model.invoke("#length");
        assert.equal(answer.text, said.length.text);
        assert.equal(finishOf(answer), name === "openai" ? "length" : "max_tokens");
    }, limited);
    each("tools", async (model) => {
        const asked = [];
        const agent = createAgent({model, tools: [tool((args) => {
            asked.push(args);
            return toolResult;
        }, {name: "lookup", description, schema})]});
        const {messages} = await agent.invoke({messages: [new HumanMessage("#tools")]});
        assert.equal(messages.at(-1).text, said.result.text);
        assert.deepEqual(asked, said.tools.calls.map((call) => call.args));
    });
    each("parallel", async (model, stage, kind) => {
        const able = model.bindTools([lookup]);
        const answer = await collect(able.stream("#parallel"));
        assertCalls(kind, "parallel", callsOf(answer));
        const results = answer.tool_calls.map(({id, name}) =>
            new ToolMessage({tool_call_id: id, name, content: toolResult}));
        const told = await able.invoke([new HumanMessage("#parallel"), answer, ...results]);
        assert.equal(told.text, said.result.text);
    });
    each("thinking", async (model) => {
        for (const answer of [await model.invoke("#thinking"),
                              await collect(model.stream("#thinking"))]) {
            const thoughts = answer.content.filter((block) => block.type === "thinking");
            assert.equal(thoughts.map((block) => block.thinking).join(""), said.thinking.thinking);
            assert.equal(answer.text, said.thinking.text);
        }
    }, {anthropic});
    each("refusal", async (model, stage, kind, name) => {
        const answer = await model.invoke("#refusal");
        const shown = {openai: kind === "A" ? "content_filter" : "stop", anthropic: "refusal"};
        assert.equal(finishOf(answer), shown[name]);
        assert.equal(answer.text || answer.additional_kwargs.refusal || said.refusal.text,
                     said.refusal.text);
    });
    each("schema", async (model) => {
        const told = model.withStructuredOutput(citySchema, {method: "jsonSchema", name: "place"});
        assert.deepEqual(await told.invoke("#schema"), city);
    });
    each("image", async (model) => {
        const answer = await model.invoke([new HumanMessage({content: [
            {type: "text", text: "#image"},
            {type: "image_url", image_url: {url: `data:image/png;base64,${png}`}}]})]);
        assert.equal(answer.text, `saw ${digest(png)}`);
    });
    each("long", async (model) => {
        assert.equal((await model.invoke(longPrompt)).text, "read all of it");
    });
    each("logprobs", async (model, stage, kind) => {
        const answer = await model.invoke("#plain");
        assertLogprobs(kind, answer.response_metadata.logprobs.content);
    }, {openai: (root, key, model) => openai(root, key, model, {logprobs: true})}, ["W", "O"]);
    each("responses", async (model, stage, kind) => {
        const answer = await model.invoke("#plain");
        assert.equal(answer.text, said.plain.text);
        checkUsage(kind, answer);
        assertCalls(kind, "parallel",
                    callsOf(await model.bindTools([lookup]).invoke("#parallel")));
    }, {responses}, ["W", "O"]);
    each("responding", async (model, stage, kind) => {
        assert.equal((await collect(model.stream("#plain"))).text, said.plain.text);
        const calls = await collect(model.bindTools([lookup]).stream("#parallel"));
        assertCalls(kind, "parallel", callsOf(calls));
    }, {responses}, ["W", "O"]);
    check("embeddings", async (stage, kind) => {
        const embedder = new OpenAIEmbeddings({
            model: stage.model(kind), apiKey: stage.key, maxRetries: 0,
            configuration: {baseURL: `${stage.root}/v1`}});
        assertVectors(kind, await embedder.embedDocuments(["one", "two"]));
    }, ["W", "O"]);
    each("abort", async (model, stage) => {
        const id = stage.newId();
        const controller = new AbortController();
        let pieces = 0;
        let left = 0;
        await assert.rejects(collect(
            model.stream(`#slow:${id}`, {signal: controller.signal}), async (piece) => {
                if (piece.text && ++pieces === 3) {
                    await arrival(stage, id);
                    left = Date.now();
                    controller.abort();
                }
            }));
        assert.ok(await goneAfter(stage, id, left) < 500);
    });
    each("leave", async (model, stage) => {
        const id = stage.newId();
        const controller = new AbortController();
        const ended = assert.rejects(model.invoke(`#hold:${id}`, {signal: controller.signal}));
        await arrival(stage, id);
        const left = Date.now();
        controller.abort();
        await ended;
        assert.ok(await goneAfter(stage, id, left) < 500);
    });
    for (const name of ["busy", "bare", "overloaded"]) {
        check(name, (stage, kind) => Promise.all(Object.values(makers).map(async (make) => {
            const tag = stage.newId();
            const model = make(stage.door.root, stage.key, stage.spare(kind),
                               {headers: {"x-case": tag}, maxRetries: 2});
            assert.equal((await model.invoke(`#${name}:${tag}`)).text, said.plain.text);
            assert.equal(stage.door.hits(tag), 2);
            assert.equal(stage.requests(tag), 2);
        })));
    }
    check("quota", (stage, kind) => Promise.all(Object.entries(makers).map(async ([name, make]) => {
        const tag = stage.newId();
        const model = make(stage.door.root, stage.key, stage.spare(kind),
                           {headers: {"x-case": tag}, maxRetries: 2});
        await assert.rejects(model.invoke(`#quota:${tag}`), (error) => {
            assert.match(error.name, {openai: /^InsufficientQuota/, anthropic: /Quota/}[name]);
            return true;
        });
        assert.equal(stage.door.hits(tag), 1);
    })));
    each("context", (model, stage, kind, name) => assert.rejects(
        model.invoke(tooLong(kind)), (error) => {
            assert.equal(error.name, "ContextOverflowError", `${name}: ${error}`);
            return true;
        }));
    check("credential", (stage, kind) => Promise.all(Object.values(makers).map((make) => refused(
        make(stage.root, stage.key, stage.spare(kind)).invoke("#credential"), 502))));
    for (const name of ["cut", "fails"]) {
        each(name, async (model) => {
            let text = "";
            await assert.rejects(collect(model.stream(`#${name}`), (piece) => {
                text += piece.text;
            }));
            assert.ok(text.length > 0);
        });
    }
    check("key", (stage) => Promise.all(Object.values(makers).map((make) => refused(
        make(stage.root, "ek-wrong", "worker").invoke("#plain"), 401,
        (error) => assert.equal(error.lc_error_code, "MODEL_AUTHENTICATION")))), []);
    check("unknown", (stage) => Promise.all(Object.values(makers).map((make) => refused(
        make(stage.root, stage.key, "gone").invoke("#plain"), 404,
        (error) => assert.equal(error.lc_error_code, "MODEL_NOT_FOUND")))), []);
});
