// The npm `@anthropic-ai/sdk`, unchanged, against the daemon with each kind of source behind it.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import {jsonSchemaOutputFormat} from "@anthropic-ai/sdk/helpers/json-schema";
import {city, longPrompt, png, said, schema, toolResult} from "./answers.mjs";
import {assertCalls, assertUsage, tooLong} from "./expect.mjs";
import {lengthTokens} from "./llama_model.mjs";
import {arrival, goneAfter, matrix, refused} from "./matrix.mjs";
import {digest} from "./upstream.mjs";

const ask = (content) => [{role: "user", content}];
const tools = [{name: "lookup", description: "The weather of a city.", input_schema: {
    type: "object", required: ["city"],
    properties: {city: {type: "string"}, days: {type: "integer"}}}}];

const clientOf = (stage, more = {}) =>
    new Anthropic({baseURL: stage.root, apiKey: stage.key, maxRetries: 0, ...more});
/// Through the door, where it is counted how often the SDK asks.
const counted = (stage, id) => clientOf(
    stage, {baseURL: stage.door.root, maxRetries: 2, defaultHeaders: {"x-case": id}});

function checkUsage(kind, name, got) {
    assertUsage(kind, name, {
        prompt: got.input_tokens + got.cache_read_input_tokens, completion: got.output_tokens,
        cached: got.cache_read_input_tokens,
        thinking: got.output_tokens_details?.thinking_tokens ?? 0});
}

const textOf = (message) => message.content.filter((block) => block.type === "text")
    .map((block) => block.text).join("");
const callsOf = (message) => message.content.filter((block) => block.type === "tool_use")
    .map(({id, name, input}) => ({id, name, args: input}));

matrix("@anthropic-ai/sdk", (check) => {
    const wish = (stage, kind, text) => ({model: stage.model(kind), max_tokens: 2_000,
                                          system: "Be brief.", messages: ask(text)});
    const create = (stage, kind, text, more = {}) =>
        clientOf(stage).messages.create({...wish(stage, kind, text), ...more});
    const stream = (stage, kind, text, more = {}) =>
        clientOf(stage).messages.stream({...wish(stage, kind, text), ...more});

    check("plain", async (stage, kind) => {
        const answer = await create(stage, kind, "#plain");
        assert.equal(answer.model, stage.model(kind));
        assert.equal(answer.role, "assistant");
        assert.equal(textOf(answer), said.plain.text);
        assert.equal(answer.stop_reason, "end_turn");
        checkUsage(kind, "plain", answer.usage);
        assert.match(answer._request_id, /^\w{10,}$/);
    });
    check("stream", async (stage, kind) => {
        const running = stream(stage, kind, "#plain");
        let text = "";
        running.on("text", (piece) => {
            text += piece;
        });
        const answer = await running.finalMessage();
        assert.equal(text, said.plain.text);
        assert.equal(textOf(answer), said.plain.text);
        assert.equal(answer.stop_reason, "end_turn");
        checkUsage(kind, "plain", answer.usage);
    });
    check("length", async (stage, kind) => {
        const answer = await create(stage, kind, "#length", {max_tokens: lengthTokens});
        assert.equal(textOf(answer), said.length.text);
        assert.equal(answer.stop_reason, "max_tokens");
    });
    check("tools", async (stage, kind) => {
        // By itself the runner has the API keep the conversation, and sends what is new.
        for (const thread of [undefined, false]) {
            const asked = [];
            const answer = await clientOf(stage).beta.messages.toolRunner({
                ...wish(stage, kind, "#tools"), thread, tools: [{
                    ...tools[0], type: "custom", parse: (input) => input, run: (input) => {
                        asked.push(input);
                        return toolResult;
                    }}]});
            assert.equal(textOf(answer), said.result.text);
            assert.deepEqual(asked, said.tools.calls.map((call) => call.args));
        }
    });
    check("parallel", async (stage, kind) => {
        const answer = await stream(stage, kind, "#parallel", {tools}).finalMessage();
        assertCalls(kind, "parallel", callsOf(answer));
        assert.equal(answer.stop_reason, "tool_use");
        const results = callsOf(answer).map(({id}) => ({
            type: "tool_result", tool_use_id: id, content: [{type: "text", text: toolResult}]}));
        const messages = [...ask("#parallel"), {role: "assistant", content: answer.content},
                          ...ask(results)];
        const told = await create(stage, kind, "", {messages, tools});
        assert.equal(textOf(told), said.result.text);
    });
    check("thinking", async (stage, kind) => {
        const thinking = {type: "enabled", budget_tokens: 1_024};
        const signature = kind === "A" ? said.thinking.signature : "";
        for (const answer of [await create(stage, kind, "#thinking", {thinking}),
                              await stream(stage, kind, "#thinking", {thinking}).finalMessage()]) {
            const [thought] = answer.content;
            assert.equal(thought.thinking, said.thinking.thinking);
            assert.equal(thought.signature, signature);
            assert.equal(textOf(answer), said.thinking.text);
            checkUsage(kind, "thinking", answer.usage);
            // Said again, as programs do: no source may stumble over it.
            const messages = [...ask("#thinking"), {role: "assistant", content: answer.content},
                              ...ask("Go on.")];
            assert.equal(textOf(await create(stage, kind, "", {messages, thinking})),
                         said.thinking.text);
        }
    });
    check("refusal", async (stage, kind) => {
        const answer = await create(stage, kind, "#refusal");
        assert.equal(textOf(answer), said.refusal.text);
        assert.equal(answer.stop_reason, "refusal");
    });
    check("schema", async (stage, kind) => {
        const answer = await clientOf(stage).messages.parse({
            ...wish(stage, kind, "#schema"),
            output_config: {format: jsonSchemaOutputFormat(schema)}});
        assert.deepEqual(answer.parsed_output, city);
    });
    check("image", async (stage, kind) => {
        const content = [
            {type: "image", source: {type: "base64", media_type: "image/png", data: png}},
            {type: "text", text: "#image"}];
        assert.equal(textOf(await create(stage, kind, content)), `saw ${digest(png)}`);
    });
    check("long", async (stage, kind) => {
        assert.equal(textOf(await create(stage, kind, longPrompt)), "read all of it");
    });
    check("count", async (stage, kind) => {
        const count = async (text) => (await clientOf(stage).messages.countTokens(
            {model: stage.model(kind), messages: ask(text)})).input_tokens;
        const [short, long] = [await count("four words of text"), await count(longPrompt)];
        assert.ok(short > 0 && short < 50, `${short}`);
        assert.ok(long > 20_000 && long < 200_000, `${long}`);
    });
    check("models", async (stage) => {
        const ids = [];
        for await (const model of clientOf(stage).models.list()) {
            ids.push(model.id);
        }
        assert.ok(ids.includes("worker") && ids.includes("api") && ids.includes("claude"));
        const one = await clientOf(stage).models.retrieve("claude");
        assert.equal(one.id, "claude");
        assert.equal(one.type, "model");
    }, []);
    check("abort", async (stage, kind) => {
        const id = stage.newId();
        const running = stream(stage, kind, `#slow:${id}`);
        let pieces = 0;
        let left = 0;
        running.on("text", async () => {
            if (++pieces === 3) {
                await arrival(stage, id);
                left = Date.now();
                running.abort();
            }
        });
        await assert.rejects(running.finalMessage(), Anthropic.APIUserAbortError);
        assert.ok(await goneAfter(stage, id, left) < 500);
    });
    check("leave", async (stage, kind) => {
        for (const streamed of [false, true]) {
            const id = stage.newId();
            const controller = new AbortController();
            const ended = assert.rejects(clientOf(stage).messages.create(
                {...wish(stage, kind, `#hold:${id}`), stream: streamed},
                {signal: controller.signal}), Anthropic.APIUserAbortError);
            await arrival(stage, id);
            const left = Date.now();
            controller.abort();
            await ended;
            assert.ok(await goneAfter(stage, id, left) < 500);
        }
    });
    for (const name of ["busy", "bare", "overloaded"]) {
        check(name, async (stage, kind) => {
            const id = stage.newId();
            const answer = await counted(stage, id).messages.create(
                {...wish(stage, kind, `#${name}:${id}`), model: stage.spare(kind)});
            assert.equal(textOf(answer), said.plain.text);
            assert.equal(stage.door.hits(id), 2);
            assert.equal(stage.requests(id), 2);
        });
    }
    check("quota", async (stage, kind) => {
        const id = stage.newId();
        await refused(counted(stage, id).messages.create(
            {...wish(stage, kind, `#quota:${id}`), model: stage.spare(kind)}),
                      Anthropic.RateLimitError, {type: "rate_limit_error"});
        assert.equal(stage.door.hits(id), 1);
    });
    check("context", (stage, kind) => assert.rejects(create(stage, kind, tooLong(kind)), (error) => {
        assert.ok(error instanceof Anthropic.BadRequestError);
        assert.equal(error.error.error.type, "invalid_request_error");
        assert.match(error.error.error.message, /^prompt is too long/);
        assert.match(error.requestID, /^\w{10,}$/);
        return true;
    }));
    check("credential", (stage, kind) => refused(
        create(stage, kind, "#credential", {model: stage.spare(kind)}),
        Anthropic.InternalServerError, {status: 502}));
    check("cut", async (stage, kind) => {
        let text = "";
        await refused((async () => {
            for await (const event of await create(stage, kind, "#cut", {stream: true})) {
                text += event.delta?.text ?? "";
            }
        })(), Anthropic.APIError);
        assert.ok(text.length > 0);
    });
    check("fails", async (stage, kind) => {
        let text = "";
        await assert.rejects((async () => {
            for await (const event of await create(stage, kind, "#fails", {stream: true})) {
                text += event.delta?.text ?? "";
            }
        })(), (error) => {
            assert.ok(error instanceof Anthropic.APIError);
            assert.match(error.type, /^(overloaded|api)_error$/);
            return true;
        });
        assert.ok(text.length > 0);
    });
    check("key", async (stage) => {
        await refused(clientOf(stage, {apiKey: "ek-wrong"}).messages.create(
            wish(stage, "W", "#plain")), Anthropic.AuthenticationError);
        const both = clientOf(stage, {apiKey: stage.key, defaultHeaders: {"x-api-key": "wrong"}});
        await refused(both.messages.create(wish(stage, "W", "#plain")),
                      Anthropic.AuthenticationError);
        const old = clientOf(stage, {apiKey: "unused", defaultHeaders: {"x-api-key": stage.key}});
        assert.equal(textOf(await old.messages.create(wish(stage, "W", "#plain"))),
                     said.plain.text);
    }, []);
    check("unknown", (stage) => refused(
        clientOf(stage).messages.create({...wish(stage, "W", "#plain"), model: "gone"}),
        Anthropic.NotFoundError), []);
    check("batches", async (stage) => {
        const id = stage.newId();
        await refused(counted(stage, id).messages.batches.create({requests: [
            {custom_id: "a", params: wish(stage, "W", "#plain")}]}), Anthropic.NotFoundError);
        assert.equal(stage.door.hits(id), 1);
    }, []);
});
