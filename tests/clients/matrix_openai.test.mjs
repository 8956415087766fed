// The npm `openai` SDK, unchanged, against the daemon with each kind of source behind it.
import assert from "node:assert/strict";
import {File} from "node:buffer";
import OpenAI from "openai";
import {city, longPrompt, png, said, schema, toolResult, usage} from "./answers.mjs";
import {assertCalls, assertLogprobs, assertUsage, assertVectors, tooLong} from "./expect.mjs";
import {lengthTokens} from "./llama_model.mjs";
import {arrival, goneAfter, matrix, refused} from "./matrix.mjs";
import {digest} from "./upstream.mjs";

globalThis.File ??= File;  // Node 18 has it, but not there
const ask = (text) => [{role: "system", content: "Be brief."}, {role: "user", content: text}];
const tools = [{type: "function", function: {
    name: "lookup", description: "The weather of a city.",
    parameters: {type: "object", required: ["city"],
                 properties: {city: {type: "string"}, days: {type: "integer"}}}}}];

function clientOf(stage, more = {}) {
    return new OpenAI({baseURL: `${stage.root}/v1`, apiKey: stage.key, maxRetries: 0, ...more});
}

/// Through the door, where it is counted how often the SDK asks.
function counted(stage, id, maxRetries = 2) {
    return clientOf(stage, {baseURL: `${stage.door.root}/v1`, maxRetries,
                            defaultHeaders: {"x-case": id}});
}

function checkUsage(kind, name, got) {
    assertUsage(kind, name, {
        prompt: got.prompt_tokens, completion: got.completion_tokens,
        cached: got.prompt_tokens_details?.cached_tokens ?? usage.cached,
        thinking: got.completion_tokens_details?.reasoning_tokens ?? 0});
    assert.equal(got.total_tokens, got.prompt_tokens + got.completion_tokens);
}

const argsOf = (calls) => calls.map((call) => ({
    id: call.id, name: call.function.name, args: JSON.parse(call.function.arguments)}));

matrix("openai", (check) => {
    const chat = (stage, kind, text, more = {}) => clientOf(stage).chat.completions.create(
        {model: stage.model(kind), messages: ask(text), max_completion_tokens: 500, ...more});

    check("plain", async (stage, kind) => {
        const answer = await chat(stage, kind, "#plain");
        assert.equal(answer.model, stage.model(kind));
        assert.equal(answer.choices[0].message.content, said.plain.text);
        assert.equal(answer.choices[0].finish_reason, "stop");
        checkUsage(kind, "plain", answer.usage);
        assert.match(answer._request_id, /^\w{10,}$/);
    });
    check("stream", async (stage, kind) => {
        const stream = clientOf(stage).chat.completions.stream(
            {model: stage.model(kind), messages: ask("#plain"), max_completion_tokens: 500,
             stream_options: {include_usage: true}});
        let text = "";
        stream.on("content", (piece) => {
            text += piece;
        });
        const answer = await stream.finalChatCompletion();
        assert.equal(text, said.plain.text);
        assert.equal(answer.choices[0].message.content, said.plain.text);
        assert.equal(answer.choices[0].finish_reason, "stop");
        checkUsage(kind, "plain", await stream.totalUsage());
        checkUsage(kind, "plain", answer.usage);
    });
    check("length", async (stage, kind) => {
        const answer = await chat(stage, kind, "#length",
                                  {max_completion_tokens: lengthTokens});
        assert.equal(answer.choices[0].message.content, said.length.text);
        assert.equal(answer.choices[0].finish_reason, "length");
    });
    check("tools", async (stage, kind) => {
        const asked = [];
        const runner = clientOf(stage).chat.completions.runTools({
            model: stage.model(kind), messages: ask("#tools"), max_completion_tokens: 500,
            tools: [{type: "function", function: {
                ...tools[0].function, parse: JSON.parse, function: (args) => {
                    asked.push(args);
                    return toolResult;
                }}}]});
        assert.equal(await runner.finalContent(), said.result.text);
        assert.deepEqual(asked, said.tools.calls.map((call) => call.args));
    });
    check("parallel", async (stage, kind) => {
        const answer = await clientOf(stage).chat.completions.stream(
            {model: stage.model(kind), messages: ask("#parallel"), tools,
             max_completion_tokens: 500}).finalChatCompletion();
        assertCalls(kind, "parallel", argsOf(answer.choices[0].message.tool_calls));
        assert.equal(answer.choices[0].finish_reason, "tool_calls");
        const {message} = answer.choices[0];
        const messages = [...ask("#parallel"), message, ...message.tool_calls.map(({id}) =>
            ({role: "tool", tool_call_id: id, content: toolResult}))];
        const told = await chat(stage, kind, "", {messages, tools});
        assert.equal(told.choices[0].message.content, said.result.text);
    });
    check("thinking", async (stage, kind) => {
        const {choices: [{message}], usage: used} = await chat(stage, kind, "#thinking");
        const thoughts = (one) => one.reasoning_content ?? one.reasoning ?? "";
        assert.equal(thoughts(message), said.thinking.thinking);
        assert.equal(message.content, said.thinking.text);
        checkUsage(kind, "thinking", used);
        let [thought, text] = ["", ""];
        for await (const chunk of await chat(stage, kind, "#thinking", {stream: true})) {
            thought += thoughts(chunk.choices[0]?.delta ?? {});
            text += chunk.choices[0]?.delta?.content ?? "";
        }
        assert.equal(thought, said.thinking.thinking);
        assert.equal(text, said.thinking.text);
    });
    check("refusal", async (stage, kind) => {
        const {choices: [{message, finish_reason}]} = await chat(stage, kind, "#refusal");
        assert.equal(message.refusal ?? message.content, said.refusal.text);
        assert.equal(finish_reason, kind === "A" ? "content_filter" : "stop");
    });
    check("schema", async (stage, kind) => {
        const answer = await clientOf(stage).chat.completions.parse({
            model: stage.model(kind), messages: ask("#schema"),
            response_format: {type: "json_schema",
                              json_schema: {name: "place", strict: true, schema}}});
        assert.deepEqual(JSON.parse(answer.choices[0].message.content), city);
    });
    check("image", async (stage, kind) => {
        const content = [{type: "text", text: "#image"},
                         {type: "image_url", image_url: {url: `data:image/png;base64,${png}`}}];
        const answer = await clientOf(stage).chat.completions.create(
            {model: stage.model(kind), messages: [{role: "user", content}]});
        assert.equal(answer.choices[0].message.content, `saw ${digest(png)}`);
    });
    check("long", async (stage, kind) => {
        const answer = await chat(stage, kind, longPrompt);
        assert.equal(answer.choices[0].message.content, "read all of it");
    });
    check("several", async (stage, kind) => {
        const answer = await chat(stage, kind, "#plain", {n: 2});
        assert.deepEqual(answer.choices.map((choice) => choice.message.content),
                         [said.plain.text, said.plain.text]);
        const streamed = await clientOf(stage).chat.completions.stream(
            {model: stage.model(kind), messages: ask("#plain"), n: 2}).finalChatCompletion();
        assert.deepEqual(streamed.choices.map((choice) => choice.message.content),
                         [said.plain.text, said.plain.text]);
        await refused(chat(stage, "A", "#plain", {n: 2}), OpenAI.BadRequestError, {param: "n"});
    }, ["W", "O"]);
    check("logprobs", async (stage, kind) => {
        const answer = await chat(stage, kind, "#plain", {logprobs: true, top_logprobs: 2});
        assertLogprobs(kind, answer.choices[0].logprobs.content);
    }, ["W", "O"]);
    check("completions", async (stage, kind) => {
        const asked = {model: stage.model(kind), prompt: "#plain", max_tokens: 50};
        const answer = await clientOf(stage).completions.create(asked);
        assert.equal(answer.choices[0].text, said.plain.text);
        let text = "";
        for await (const chunk of await clientOf(stage).completions
            .create({...asked, stream: true})) {
            text += chunk.choices[0]?.text ?? "";
        }
        assert.equal(text, said.plain.text);
    }, ["W", "O"]);
    const asking = (stage, kind) => ({model: stage.model(kind), input: "#plain", store: false});
    const calling = {input: "#parallel",
                     tools: [{type: "function", strict: false, ...tools[0].function}]};
    const callsIn = ({output}) => output.map(
        ({call_id: id, name, arguments: args}) => ({id, name, args: JSON.parse(args)}));
    check("responses", async (stage, kind) => {
        const {responses} = clientOf(stage);
        const asked = asking(stage, kind);
        const answer = await responses.create(asked);
        assert.equal(answer.output_text, said.plain.text);
        assert.equal(answer.model, stage.model(kind));
        assertUsage(kind, "plain", {prompt: answer.usage.input_tokens});
        assertCalls(kind, "parallel", callsIn(await responses.create({...asked, ...calling})));
    }, ["W", "O"]);
    check("responding", async (stage, kind) => {
        const {responses} = clientOf(stage);
        const asked = asking(stage, kind);
        const streamed = await responses.stream(asked).finalResponse();
        assert.equal(streamed.output[0].content[0].text, said.plain.text);
        assertUsage(kind, "plain", {completion: streamed.usage.output_tokens});
        assertCalls(kind, "parallel",
                    callsIn(await responses.stream({...asked, ...calling}).finalResponse()));
    }, ["W", "O"]);
    check("embeddings", async (stage, kind) => {
        for (const encoding_format of [undefined, "base64", "float"]) {
            const {data, usage: used} = await clientOf(stage).embeddings.create(
                {model: stage.model(kind), input: ["one", "two"], encoding_format});
            const got = data.map(({embedding}) => typeof embedding === "string"
                ? [...new Float32Array(Uint8Array.from(Buffer.from(embedding, "base64")).buffer)]
                : [...embedding]);
            assertVectors(kind, got);
            assert.equal(used.prompt_tokens, 8);
        }
    }, ["W", "O"]);
    check("models", async (stage) => {
        const ids = [];
        for await (const model of clientOf(stage).models.list()) {
            ids.push(model.id);
        }
        assert.ok(ids.includes("worker") && ids.includes("api") && ids.includes("claude"));
        assert.equal((await clientOf(stage).models.retrieve("claude")).id, "claude");
    }, []);
    check("abort", async (stage, kind) => {
        const id = stage.newId();
        const stream = await chat(stage, kind, `#slow:${id}`,
                                  {stream: true, max_completion_tokens: 2_000});
        let pieces = 0;
        let left = 0;
        for await (const chunk of stream) {
            if (chunk.choices[0]?.delta?.content && ++pieces === 3) {
                await arrival(stage, id);
                left = Date.now();
                stream.controller.abort();
            }
        }
        assert.ok(pieces < 100, "what has come already is read to its end, no more");
        assert.ok(await goneAfter(stage, id, left) < 500);
    });
    check("leave", async (stage, kind) => {
        for (const stream of [false, true]) {
            const id = stage.newId();
            const controller = new AbortController();
            const answer = clientOf(stage).chat.completions.create(
                {model: stage.model(kind), messages: ask(`#hold:${id}`), stream},
                {signal: controller.signal});
            const ended = assert.rejects(answer, OpenAI.APIUserAbortError);
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
            const answer = await counted(stage, id).chat.completions.create(
                {model: stage.spare(kind), messages: ask(`#${name}:${id}`)});
            assert.equal(answer.choices[0].message.content, said.plain.text);
            assert.equal(stage.door.hits(id), 2);
            assert.equal(stage.requests(id), 2);
        });
    }
    check("quota", async (stage, kind) => {
        const id = stage.newId();
        await refused(counted(stage, id).chat.completions.create(
            {model: stage.spare(kind), messages: ask(`#quota:${id}`)}),
                      OpenAI.RateLimitError, {code: "insufficient_quota"});
        assert.equal(stage.door.hits(id), 1);
    });
    check("context", (stage, kind) => refused(chat(stage, kind, tooLong(kind)),
        OpenAI.BadRequestError, {code: "context_length_exceeded", param: "messages"}));
    check("credential", (stage, kind) => refused(
        chat(stage, kind, "#credential", {model: stage.spare(kind)}),
        OpenAI.InternalServerError, {status: 502, code: "source_refused"}));
    check("cut", async (stage, kind) => {
        let text = "";
        await refused((async () => {
            for await (const chunk of await chat(stage, kind, "#cut", {stream: true})) {
                text += chunk.choices[0]?.delta?.content ?? "";
            }
        })(), OpenAI.APIError, {code: "source_cut"});
        assert.ok(text.length > 0);
    });
    check("fails", async (stage, kind) => {
        let text = "";
        await refused((async () => {
            for await (const chunk of await chat(stage, kind, "#fails", {stream: true})) {
                text += chunk.choices[0]?.delta?.content ?? "";
            }
        })(), OpenAI.APIError, {type: "server_error"});
        assert.ok(text.length > 0);
    });
    check("key", (stage) => refused(
        clientOf(stage, {apiKey: "ek-wrong"}).chat.completions.create(
            {model: "worker", messages: ask("#plain")}),
        OpenAI.AuthenticationError, {code: "invalid_api_key"}), []);
    check("unknown", (stage) => refused(
        clientOf(stage).chat.completions.create({model: "gpt-9", messages: ask("#plain")}),
        OpenAI.NotFoundError, {code: "model_not_found"}), []);
    check("batches", async (stage) => {
        const id = stage.newId();
        const client = counted(stage, id);
        await refused(client.batches.create({input_file_id: "file-1", completion_window: "24h",
                                             endpoint: "/v1/chat/completions"}),
                      OpenAI.NotFoundError, {code: "unsupported_endpoint"});
        await refused(client.files.create({file: new File(["{}"], "a.jsonl"), purpose: "batch"}),
                      OpenAI.NotFoundError, {code: "unsupported_endpoint"});
        assert.equal(stage.door.hits(id), 2);
    }, []);
});
