// The npm `openai` SDK, unchanged, against the real daemon with a synthetic engine behind it.
import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import OpenAI from "openai";
import {startStage} from "./stage.mjs";

let stage;
let client;
const messages = [{role: "user", content: "Say something about even keels, please."}];

before(async () => {
    stage = await startStage();
    client = new OpenAI({baseURL: stage.baseURL, apiKey: stage.apiKey, maxRetries: 0});
});
after(async () => stage?.stop());

test("a plain chat is answered, with usage and where it came from", async () => {
    const {data, response} = await client.chat.completions
        .create({model: "qwq-32b", messages, max_tokens: 24}).withResponse();
    assert.equal(data.object, "chat.completion");
    assert.equal(data.choices[0].message.role, "assistant");
    assert.ok(data.choices[0].message.content.length > 0);
    assert.equal(data.usage.completion_tokens, 24);
    assert.equal(data.choices[0].finish_reason, "length");
    assert.equal(response.headers.get("x-evenkeel-source"), "desk");
    assert.match(response.headers.get("x-evenkeel-cost"), /^\d+\.\d+ [A-Z]{3}$/);
    assert.ok(response.headers.get("x-evenkeel-reason"));
});

test("a streamed chat brings every piece and ends once", async () => {
    const stream = await client.chat.completions.create(
        {model: "qwq", messages, max_tokens: 40, stream: true});
    let text = "";
    let finish = null;
    for await (const chunk of stream) {
        assert.equal(chunk.object, "chat.completion.chunk");
        assert.equal(chunk.usage ?? null, null, "usage only for those who ask");
        text += chunk.choices[0]?.delta?.content ?? "";
        finish = chunk.choices[0]?.finish_reason ?? finish;
    }
    assert.ok(text.length > 0);
    assert.equal(finish, "length");
});

test("usage comes in the stream when asked for", async () => {
    const stream = await client.chat.completions.create(
        {model: "qwq-32b", messages, max_tokens: 12, stream: true,
         stream_options: {include_usage: true}});
    let usage = null;
    for await (const chunk of stream) {
        usage = chunk.usage ?? usage;
    }
    assert.equal(usage.completion_tokens, 12);
});

test("the SDK's own stream helper collects the answer", async () => {
    const completion = await client.chat.completions
        .stream({model: "qwq-32b", messages, max_tokens: 16}).finalChatCompletion();
    assert.equal(completion.choices[0].finish_reason, "length");
});

test("the model list names what is configured", async () => {
    const ids = [];
    for await (const model of client.models.list()) {
        ids.push(model.id);
    }
    assert.ok(ids.includes("qwq-32b"));
    assert.equal((await client.models.retrieve("qwq-32b")).id, "qwq-32b");
});

test("a wrong key is an AuthenticationError", async () => {
    const stranger = new OpenAI({baseURL: stage.baseURL, apiKey: "ek-wrong", maxRetries: 0});
    await assert.rejects(stranger.chat.completions.create({model: "qwq-32b", messages}),
                         OpenAI.AuthenticationError);
});

test("an unknown model is a NotFoundError that names its code", async () => {
    await assert.rejects(client.chat.completions.create({model: "gpt-9", messages}), (error) => {
        assert.ok(error instanceof OpenAI.NotFoundError);
        assert.equal(error.code, "model_not_found");
        return true;
    });
});

test("an aborted stream frees its place at the engine", async () => {
    const controller = new AbortController();
    const stream = await client.chat.completions.create(
        {model: "qwq-32b", messages, max_tokens: 4000, stream: true},
        {signal: controller.signal});
    let pieces = 0;
    try {
        for await (const chunk of stream) {
            pieces += chunk.choices.length;
            if (pieces === 2) {
                controller.abort();
            }
        }
    } catch (error) {
        assert.ok(error instanceof OpenAI.APIUserAbortError);
    }
    // The picture that /api/status shows is made once a second.
    await stage.until("the slot is free again", async () => {
        const status = await stage.status();
        return status.requests.client_gone >= 1 &&
            status.sources.every((source) => source.busy === 0);
    }, 5_000);
});
