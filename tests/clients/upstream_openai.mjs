// OpenAI's shapes: chat completions, completions, embeddings, responses and errors.
import {isDeepStrictEqual} from "node:util";
import {caseOf, said, schema, toolResult, usage, vector} from "./answers.mjs";

const finishes = {length: "length", tools: "tool_calls"};
const finishOf = (answer) => finishes[answer.finish] ?? "stop";
const created = 1_790_000_000;
let answers = 0;
const newId = (prefix) => `${prefix}-${++answers}`;

function usageOf(answer) {
    return {
        prompt_tokens: usage.prompt, completion_tokens: usage.completion,
        total_tokens: usage.prompt + usage.completion,
        prompt_tokens_details: {cached_tokens: usage.cached},
        completion_tokens_details: {reasoning_tokens: answer.thinking ? usage.thinking : 0},
    };
}

const roles = new Set(["developer", "system", "user", "assistant", "tool"]);
const parts = new Set(["text", "image_url", "refusal"]);
/// What a real server would refuse; empty when all is well.
export function fault(path, headers, body) {
    if (headers["x-api-key"] || headers["anthropic-version"]) {
        return "headers of another vendor";
    }
    for (const key of ["system", "stop_sequences", "thinking", "output_config"]) {
        if (key in body) {
            return `unknown field ${key}`;
        }
    }
    for (const message of path === "/v1/chat/completions" ? body.messages : []) {
        if (!roles.has(message.role)) {
            return `unknown role ${message.role}`;
        }
        if (message.role === "tool" && typeof message.tool_call_id !== "string") {
            return "a result without its call";
        }
        for (const call of message.tool_calls ?? []) {
            JSON.parse(call.function.arguments);
        }
        const content = Array.isArray(message.content) ? message.content : [];
        const odd = content.find((part) => !parts.has(part.type));
        if (odd) {
            return `unknown part ${odd.type}`;
        }
    }
    if (caseOf(body.messages).name === "schema" &&
        !isDeepStrictEqual(body.response_format?.json_schema?.schema?.properties,
                           schema.properties)) {
        return `no schema: ${JSON.stringify(body.response_format)}`;
    }
    const tool = path !== "/v1/responses" &&
        body.tools?.find((one) => one.type !== "function" || !one.function.parameters);
    return tool ? `not a tool: ${JSON.stringify(tool)}` : "";
}

/// The pictures of a request, as base64.
export function imagesOf(body) {
    const urls = body.messages?.flatMap((message) => Array.isArray(message.content)
        ? message.content.filter((part) => part.type === "image_url")
            .map((part) => part.image_url.url) : []) ?? [];
    return urls.map((url) => /^data:image\/png;base64,(.*)$/.exec(url)?.[1] ?? url);
}

export function textsOf(body) {
    return body.messages.filter((message) => message.role === "user").map((message) =>
        typeof message.content === "string" ? message.content
            : message.content.map((part) => part.text ?? "").join("")).join("");
}

export function resultsOf(body) {
    return body.messages?.filter((message) => message.role === "tool")
        .map((message) => JSON.stringify(message.content)) ??
        (Array.isArray(body.input) ? body.input : [])
            .filter((item) => item.type === "function_call_output")
            .map((item) => JSON.stringify(item.output));
}

const toolCalls = (answer) => answer.calls?.map(({id, name, args}) =>
    ({id, type: "function", function: {name, arguments: JSON.stringify(args)}}));
const logprobs = (text) => ({content: [{token: text, logprob: -0.25, bytes: [...Buffer.from(text)],
                                        top_logprobs: []}], refusal: null});

export function chat(body, answer, thinkingField) {
    const refused = answer.finish === "refusal";
    const choice = (index) => ({
        index, finish_reason: finishOf(answer),
        logprobs: body.logprobs ? logprobs(answer.text) : null,
        message: {
            role: "assistant", content: refused ? null : answer.text ?? null,
            refusal: refused ? answer.text : null,
            ...(answer.calls && {tool_calls: toolCalls(answer)}),
            ...(answer.thinking && {[thinkingField]: answer.thinking}),
        },
    });
    return {
        id: newId("chatcmpl"), object: "chat.completion", created, model: body.model,
        system_fingerprint: "fp_1", usage: usageOf(answer),
        choices: Array.from({length: body.n ?? 1}, (_, index) => choice(index)),
    };
}

/// Texts come in pieces of five characters.
export function* pieces(text) {
    const characters = [...text ?? ""];
    for (let at = 0; at < characters.length; at += 5) {
        yield characters.slice(at, at + 5).join("");
    }
}

const event = (data, name) => `${name ? `event: ${name}\n` : ""}data: ${JSON.stringify(data)}\n\n`;

export function* chatEvents(body, answer, thinkingField) {
    const id = newId("chatcmpl");
    const chunk = (delta, finish_reason = null, index = 0) => event({
        id, object: "chat.completion.chunk", created, model: body.model,
        choices: [{index, delta, finish_reason}], ...(body.stream_options && {usage: null}),
    });
    const choices = body.n ?? 1;
    for (let index = 0; index < choices; ++index) {
        yield chunk({role: "assistant", content: ""}, null, index);
    }
    yield ": a comment\n\n";
    for (const piece of pieces(answer.thinking)) {
        yield chunk({[thinkingField]: piece});
    }
    const field = answer.finish === "refusal" ? "refusal" : "content";
    for (const piece of pieces(answer.text)) {
        for (let index = 0; index < choices; ++index) {
            yield chunk({[field]: piece}, null, index);
        }
    }
    for (const [index, call] of toolCalls(answer)?.entries() ?? []) {
        const {name, arguments: args} = call.function;
        yield chunk({tool_calls: [{index, id: call.id, type: "function",
                                   function: {name, arguments: ""}}]});
        for (const piece of pieces(args)) {
            yield chunk({tool_calls: [{index, function: {arguments: piece}}]});
        }
    }
    for (let index = 0; index < choices; ++index) {
        yield chunk({}, finishOf(answer), index);
    }
    if (body.stream_options?.include_usage) {
        yield event({id, object: "chat.completion.chunk", created, model: body.model,
                     choices: [], usage: usageOf(answer)});
    }
    yield "data: [DONE]\n\n";
}

export function completion(body, answer) {
    return {id: "cmpl-7", object: "text_completion", created, model: body.model,
            choices: [{index: 0, text: answer.text, logprobs: null, finish_reason: "stop"}],
            usage: usageOf(answer)};
}

export function* completionEvents(body, answer) {
    for (const piece of pieces(answer.text)) {
        yield event({id: "cmpl-7", object: "text_completion", created, model: body.model,
                     choices: [{index: 0, text: piece, logprobs: null, finish_reason: null}]});
    }
    yield event({...completion(body, {...answer, text: ""}), usage: null});
    if (body.stream_options?.include_usage) {
        yield event({...completion(body, answer), choices: []});
    }
    yield "data: [DONE]\n\n";
}

export function embeddings(body) {
    const inputs = Array.isArray(body.input) ? body.input : [body.input];
    const floats = Buffer.from(new Float32Array(vector).buffer).toString("base64");
    return {
        object: "list", model: body.model, usage: {prompt_tokens: 8, total_tokens: 8},
        data: inputs.map((_, index) => ({
            object: "embedding", index,
            embedding: body.encoding_format === "base64" ? floats : vector})),
    };
}

function responseItems(answer) {
    const items = [];
    if (answer.text) {
        items.push({type: "message", id: "msg_1", status: "completed", role: "assistant",
                    content: [{type: "output_text", text: answer.text, annotations: [],
                               logprobs: []}]});
    }
    for (const {id, name, args} of answer.calls ?? []) {
        items.push({type: "function_call", id: `fc_${id}`, call_id: id, name,
                    arguments: JSON.stringify(args), status: "completed"});
    }
    return items;
}

export function response(body, answer, status = "completed") {
    const cut = answer.finish === "length" && status === "completed";
    return {
        id: "resp_7", object: "response", created_at: created, model: body.model,
        status: cut ? "incomplete" : status, error: null, instructions: null, metadata: {},
        incomplete_details: cut ? {reason: "max_output_tokens"} : null,
        parallel_tool_calls: true, temperature: 1, top_p: 1, tool_choice: "auto", tools: [],
        output: status === "completed" ? responseItems(answer) : [],
        usage: status !== "completed" ? null : {
            input_tokens: usage.prompt, input_tokens_details: {cached_tokens: usage.cached},
            output_tokens: usage.completion, output_tokens_details: {reasoning_tokens: 0},
            total_tokens: usage.prompt + usage.completion},
    };
}

export function* responseEvents(body, answer) {
    let sequence_number = 0;
    const say = (type, rest) => event({type, sequence_number: sequence_number++, ...rest}, type);
    yield say("response.created", {response: response(body, answer, "in_progress")});
    yield say("response.in_progress", {response: response(body, answer, "in_progress")});
    for (const [output_index, item] of responseItems(answer).entries()) {
        const at = {item_id: item.id, output_index};
        const open = {...item, status: "in_progress"};
        if (item.type === "message") {
            const [part] = item.content;
            yield say("response.output_item.added", {output_index, item: {...open, content: []}});
            yield say("response.content_part.added", {...at, content_index: 0,
                                                      part: {...part, text: ""}});
            for (const delta of pieces(part.text)) {
                yield say("response.output_text.delta", {...at, content_index: 0, delta,
                                                         logprobs: []});
            }
            yield say("response.output_text.done", {...at, content_index: 0, text: part.text,
                                                    logprobs: []});
            yield say("response.content_part.done", {...at, content_index: 0, part});
        } else {
            yield say("response.output_item.added", {output_index, item: {...open, arguments: ""}});
            for (const delta of pieces(item.arguments)) {
                yield say("response.function_call_arguments.delta", {...at, delta});
            }
            yield say("response.function_call_arguments.done",
                      {...at, name: item.name, arguments: item.arguments});
        }
        yield say("response.output_item.done", {output_index, item});
    }
    const last = answer.finish === "length" ? "response.incomplete" : "response.completed";
    yield say(last, {response: response(body, answer)});
}

/// What may come instead of the next event.
export const failure = event({error: {message: "The server is overloaded.", type: "server_error",
                                      param: null, code: null}});

const errors = {
    context: [400, {message: "This model's maximum context length is 32768 tokens, however you " +
                    "requested 40000 tokens.", type: "invalid_request_error", param: "messages",
                    code: "context_length_exceeded"}],
    credential: [401, {message: "Incorrect API key provided.", type: "invalid_request_error",
                       param: null, code: "invalid_api_key"}],
    busy: [429, {message: "Rate limit reached.", type: "requests", param: null,
                 code: "rate_limit_exceeded"}],
    overloaded: [503, {message: "The server is overloaded.", type: "server_error", param: null,
                       code: null}],
    quota: [429, {message: "You exceeded your current quota.", type: "insufficient_quota",
                  param: null, code: "insufficient_quota"}],
};
/// Status and body.
export function error(name, message) {
    const [status, said] = errors[name] ?? [400, {message, type: "invalid_request_error",
                                                  param: null, code: null}];
    return [status, {error: said}];
}

/// A result of a tool is answered; else the case's own answer is given.
export function answerOf(body) {
    const {name} = caseOf(body.messages ?? body.input ?? body.prompt);
    const wanted = said[name]?.calls?.length ?? Infinity;
    const answered =
        resultsOf(body).filter((text) => text.includes(toolResult)).length >= wanted;
    return answered ? said.result : said[name] ?? said.plain;
}
