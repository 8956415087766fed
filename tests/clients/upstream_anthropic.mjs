// Anthropic's shapes: messages and errors.
import {isDeepStrictEqual} from "node:util";
import {caseOf, said, schema, toolResult, usage} from "./answers.mjs";
import {pieces} from "./upstream_openai.mjs";

const finishes = {length: "max_tokens", tools: "tool_use", refusal: "refusal"};
const finishOf = (answer) => finishes[answer.finish] ?? "end_turn";

const blockTypes = new Set(["text", "image", "tool_use", "tool_result", "thinking"]);
const blocksOf = (message) => Array.isArray(message.content) ? message.content
    : [{type: "text", text: message.content}];

/// What the real API would refuse; empty when all is well.
export function fault(path, headers, body) {
    if (headers.authorization || !headers["anthropic-version"]) {
        return "not the headers of this API";
    }
    if (!(body.max_tokens > 0)) {
        return "max_tokens: Field required";
    }
    const known = new Set(["model", "max_tokens", "messages", "system", "stream", "tools",
                           "tool_choice", "thinking", "metadata", "temperature", "output_config",
                           "stop_sequences", "top_p", "top_k"]);
    const unknown = Object.keys(body).find((key) => !known.has(key));
    if (unknown) {
        return `${unknown}: Extra inputs are not permitted`;
    }
    let calls = [];
    for (const [at, message] of body.messages.entries()) {
        if (message.role !== (at % 2 === 0 ? "user" : "assistant")) {
            return `messages.${at}: roles must alternate`;
        }
        const blocks = blocksOf(message);
        const odd = blocks.find((block) => !blockTypes.has(block.type));
        if (odd) {
            return `messages.${at}: unknown block ${odd.type}`;
        }
        const results = blocks.filter((block) => block.type === "tool_result");
        if (calls.some((id) => !results.some((block) => block.tool_use_id === id))) {
            return `messages.${at}: tool_use without its tool_result`;
        }
        calls = blocks.filter((block) => block.type === "tool_use").map((block) => block.id);
        if (blocks.some((block) => block.type === "thinking" && !block.signature)) {
            return `messages.${at}: thinking without its signature`;
        }
    }
    if (caseOf(body.messages).name === "schema" &&
        !isDeepStrictEqual(body.output_config?.format?.schema?.properties, schema.properties)) {
        return `no schema: ${JSON.stringify(body.output_config)}`;
    }
    const tool = body.tools?.find((one) => one.input_schema?.type !== "object");
    return tool ? `tools: not one: ${JSON.stringify(tool)}` : "";
}

/// The request with the conversation before it, where the API keeps that; nothing if it does not.
export function resume(threads, headers, {thread, ...body}) {
    if (!headers["anthropic-beta"]?.includes("message-threads-")) {
        return undefined;
    }
    if (thread.type === "create") {
        return body;
    }
    const before = threads.get(thread.previous_message_id);
    return before && {...before, ...body, messages: [...before.messages, ...body.messages]};
}

export function imagesOf(body) {
    return body.messages.flatMap(blocksOf).filter((block) => block.type === "image").map(
        ({source}) => source.type === "base64" && source.media_type === "image/png"
            ? source.data : JSON.stringify(source));
}

export function textsOf(body) {
    return body.messages.filter((message) => message.role === "user").flatMap(blocksOf)
        .map((block) => block.text ?? "").join("");
}

function resultsOf(body) {
    return body.messages.flatMap(blocksOf).filter((block) => block.type === "tool_result")
        .map((block) => JSON.stringify(block.content));
}

function contentOf(answer) {
    return [
        ...(answer.thinking ? [{type: "thinking", thinking: answer.thinking,
                                signature: answer.signature}] : []),
        ...(answer.text ? [{type: "text", text: answer.text}] : []),
        ...(answer.calls ?? []).map(({id, name, args}) =>
            ({type: "tool_use", id, name, input: args})),
    ];
}

function usageOf(answer) {
    return {
        input_tokens: usage.prompt - usage.cached, cache_creation_input_tokens: 0,
        cache_read_input_tokens: usage.cached, output_tokens: usage.completion,
        output_tokens_details: {thinking_tokens: answer.thinking ? usage.thinking : 0},
        service_tier: "standard",
    };
}

let answers = 0;
export function message(body, answer) {
    return {id: `msg_${++answers}`, type: "message", role: "assistant", model: body.model,
            content: contentOf(answer), stop_reason: finishOf(answer), stop_sequence: null,
            usage: usageOf(answer)};
}

const event = (data) => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;

export function* messageEvents(body, answer) {
    yield event({type: "message_start", message: {
        ...message(body, answer), content: [], stop_reason: null,
        usage: {...usageOf(answer), output_tokens: 1}}});
    yield event({type: "ping"});
    for (const [index, block] of contentOf(answer).entries()) {
        const start = {text: {type: "text", text: ""},
                       thinking: {type: "thinking", thinking: "", signature: ""},
                       tool_use: {...block, input: {}}}[block.type];
        yield event({type: "content_block_start", index, content_block: start});
        const text = block.text ?? block.thinking ?? JSON.stringify(block.input);
        const delta = (piece) => ({text: {type: "text_delta", text: piece},
                                   thinking: {type: "thinking_delta", thinking: piece},
                                   tool_use: {type: "input_json_delta", partial_json: piece},
                                  })[block.type];
        for (const piece of pieces(text)) {
            yield event({type: "content_block_delta", index, delta: delta(piece)});
        }
        if (block.signature) {
            yield event({type: "content_block_delta", index,
                         delta: {type: "signature_delta", signature: block.signature}});
        }
        yield event({type: "content_block_stop", index});
    }
    yield event({type: "message_delta",
                 delta: {stop_reason: finishOf(answer), stop_sequence: null},
                 usage: usageOf(answer)});
    yield event({type: "message_stop"});
}

const errors = {
    context: [400, "invalid_request_error", "prompt is too long: 40000 tokens > 32768 maximum"],
    credential: [401, "authentication_error", "invalid x-api-key"],
    busy: [429, "rate_limit_error", "This request would exceed your rate limit."],
    overloaded: [529, "overloaded_error", "Overloaded"],
    quota: [429, "rate_limit_error", "Your organization has reached its spend limit."],
};
/// What may come instead of the next event.
export const failure = event({type: "error", error: {type: "overloaded_error",
                                                     message: "Overloaded"}});

export function error(name, text) {
    const [status, type, message] = errors[name] ?? [400, "invalid_request_error", text];
    const details = name === "quota" ? {details: {error_code: "enforced_spend_limit_reached"}} : {};
    return [status, {type: "error", error: {type, message, ...details}, request_id: "req_7"}];
}

export function answerOf(body) {
    const {name} = caseOf(body.messages);
    const wanted = said[name]?.calls?.length ?? Infinity;
    const answered =
        resultsOf(body).filter((text) => text.includes(toolResult)).length >= wanted;
    return answered ? said.result : said[name] ?? said.plain;
}
