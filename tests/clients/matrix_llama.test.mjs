// The SDKs for Node, unchanged, against a daemon with a real engine behind it: llama.cpp, which it
// has started itself. Every case runs with each of them.
import assert from "node:assert/strict";
import {test} from "node:test";
import {createAnthropic} from "@ai-sdk/anthropic";
import {createOpenAICompatible} from "@ai-sdk/openai-compatible";
import Anthropic from "@anthropic-ai/sdk";
import {ChatAnthropic} from "@langchain/anthropic";
import {ChatOpenAI} from "@langchain/openai";
import {generateText, streamText} from "ai";
import OpenAI from "openai";
import {until} from "./helpers.mjs";
import {missing, saying, startLlamaStage} from "./llama_stage.mjs";
import {matrix} from "./matrix.mjs";

const ask = [{role: "user", content: "Say your words."}];

/// What a case needs of an SDK: `answer` gives {text, finish, output, input}, `pieces` calls back
/// with each piece of a streamed answer and gives the same; `signal` ends it early.
const sdks = {
    openai(stage) {
        const client = new OpenAI({baseURL: `${stage.root}/v1`, apiKey: stage.key, maxRetries: 0});
        const told = ({choices: [{message, finish_reason}], usage}) =>
            ({text: message.content, finish: finish_reason, output: usage.completion_tokens,
              input: usage.prompt_tokens});
        return {
            answer: async (model, max_tokens) => told(await client.chat.completions.create(
                {model, max_tokens, messages: ask})),
            async pieces(model, max_tokens, give, signal) {
                const stream = client.chat.completions.stream(
                    {model, max_tokens, messages: ask, stream_options: {include_usage: true}},
                    {signal});
                stream.on("content", give);
                return told(await stream.finalChatCompletion());
            },
        };
    },
    anthropic(stage) {
        const client = new Anthropic({baseURL: stage.root, apiKey: stage.key, maxRetries: 0});
        const told = ({content, stop_reason, usage}) =>
            ({text: content.map((block) => block.text ?? "").join(""),
              finish: {end_turn: "stop", max_tokens: "length"}[stop_reason],
              output: usage.output_tokens, input: usage.input_tokens});
        return {
            answer: async (model, max_tokens) => told(await client.messages.create(
                {model, max_tokens, messages: ask})),
            async pieces(model, max_tokens, give, signal) {
                const stream = client.messages.stream({model, max_tokens, messages: ask}, {signal});
                stream.on("text", give);
                return told(await stream.finalMessage());
            },
        };
    },
    ...Object.fromEntries(Object.entries({
        "ai compatible": (stage) => createOpenAICompatible(
            {name: "evenkeel", baseURL: `${stage.root}/v1`, apiKey: stage.key, includeUsage: true}),
        "ai anthropic": (stage) => createAnthropic(
            {baseURL: `${stage.root}/v1`, apiKey: stage.key}),
    }).map(([name, make]) => [name, (stage) => {
        const wish = (model, maxOutputTokens, more) =>
            ({model: make(stage)(model), maxOutputTokens, messages: ask, maxRetries: 0, ...more});
        const told = (text, finish, usage) =>
            ({text, finish, output: usage.outputTokens, input: usage.inputTokens});
        return {
            async answer(model, limit) {
                const got = await generateText(wish(model, limit));
                return told(got.text, got.finishReason, got.usage);
            },
            async pieces(model, limit, give, abortSignal) {
                const got = streamText(wish(model, limit, {abortSignal, onError() {}}));
                for await (const piece of got.textStream) {
                    give(piece);
                }
                abortSignal?.throwIfAborted();
                return told(await got.text, await got.finishReason, await got.usage);
            },
        };
    }])),
    ...Object.fromEntries(Object.entries({
        "langchain openai": (stage, model, maxTokens) => new ChatOpenAI(
            {model, maxTokens, apiKey: stage.key, maxRetries: 0,
             configuration: {baseURL: `${stage.root}/v1`}}),
        "langchain anthropic": (stage, model, maxTokens) => new ChatAnthropic(
            {model, maxTokens, apiKey: stage.key, maxRetries: 0, anthropicApiUrl: stage.root}),
    }).map(([name, make]) => [name, (stage) => {
        const told = (message) => {
            const {finish_reason, stop_reason} = {...message.additional_kwargs,
                                                  ...message.response_metadata};
            return {text: message.text,
                    finish: {end_turn: "stop", max_tokens: "length"}[stop_reason] ?? finish_reason,
                    output: message.usage_metadata.output_tokens};
        };
        return {
            answer: async (model, limit) => told(await make(stage, model, limit)
                .invoke(ask[0].content)),
            async pieces(model, limit, give, signal) {
                let whole;
                for await (const piece of await make(stage, model, limit)
                    .stream(ask[0].content, {signal})) {
                    whole = whole ? whole.concat(piece) : piece;
                    if (piece.text) {
                        give(piece.text);
                    }
                }
                return told(whole);
            },
        };
    }])),
};

const words = (text, count) => text.split(" ").slice(0, count + 1).join(" ");

if (missing) {
    test("llama.cpp", {skip: missing}, () => {});
} else {
    matrix("llama.cpp", (check) => {
        const each = (id, run) => check(id, async (stage) => {
            for (const [name, make] of Object.entries(sdks)) {
                try {
                    await run(make(stage), stage);
                } catch (error) {
                    error.message = `${name}: ${error.message}`;
                    throw error;
                }
            }
        }, []);
        const whole = saying.tiny;
        const tokens = whole.split(" ").length - 1;
        each("plain", async ({answer}) => {
            const got = await answer("tiny", 500);
            assert.equal(got.text.trim(), whole.trim());
            assert.equal(got.finish, "stop");
            assert.equal(got.output, tokens);
            assert.ok(got.input === undefined || got.input > 10);
        });
        each("stream", async ({pieces}) => {
            let text = "";
            let count = 0;
            const got = await pieces("tiny", 500, (piece) => {
                text += piece;
                count += 1;
            });
            assert.equal(text, whole);
            assert.equal(got.text, whole);
            assert.equal(got.finish, "stop");
            assert.equal(got.output, tokens);
            assert.ok(count > 10, "piece by piece");
        });
        each("length", async ({answer, pieces}) => {
            for (const got of [await answer("tiny", 7), await pieces("tiny", 7, () => {})]) {
                assert.equal(got.text.trim(), words(whole, 7).trim());
                assert.equal(got.finish, "length");
                assert.equal(got.output, 7);
            }
        });
        each("abort", async ({pieces}, stage) => {
            const before = await stage.count("slow", "tokens_predicted_total");
            const controller = new AbortController();
            let count = 0;
            let left = 0;
            const ended = pieces("slow", 200, () => {
                if (++count === 3) {
                    left = Date.now();
                    controller.abort();
                }
            }, controller.signal);
            await assert.rejects(ended);
            await until("the engine to stop",
                        async () => await stage.count("slow", "requests_processing") === 0, 3_000);
            assert.ok(Date.now() - left < 500, `${Date.now() - left} ms`);
            assert.ok(await stage.count("slow", "tokens_predicted_total") - before < 100);
        });
    }, async () => {
        const stage = await startLlamaStage();
        await until("both engines", async () =>
            await stage.state("tiny") === "serving" && await stage.state("slow") === "serving",
                    60_000);
        return stage;
    });
}
