// What an SDK must give its program of an answer, by the kind of source that has said it. The
// scripted sources say figures and ids that are known; the real engine counts and names by itself.
import assert from "node:assert/strict";
import {said, usage, vector} from "./answers.mjs";
import {slotTokens} from "./llama_engine.mjs";
import {chains, endless} from "./llama_model.mjs";
import {embed} from "../engines/tiny_gguf.mjs";

/// The least and the most that each figure of an answer's usage may be.
export function usageOf(kind, name) {
    if (kind !== "L") {
        const {prompt, cached, completion, thinking} = usage;
        const thought = said[name]?.thinking ? thinking : 0;
        return {prompt: [prompt, prompt], cached: [cached, cached],
                completion: [completion, completion], thinking: [thought, thought]};
    }
    const completion = (chains[name] ?? chains.plain).length + 1;  // its end is a token, too
    return {prompt: [11, slotTokens], cached: [0, slotTokens],
            completion: [completion, completion], thinking: [0, completion]};
}

export function assertUsage(kind, name, got) {
    const bounds = usageOf(kind, name);
    for (const [figure, value] of Object.entries(got)) {
        const [least, most] = bounds[figure];
        assert.ok(value >= least && value <= most, `${figure}: ${value}, not ${least} to ${most}`);
    }
}

/// `calls`: [{id, name, args}].
export function assertCalls(kind, name, calls) {
    const wanted = said[name].calls;
    if (kind !== "L") {
        assert.deepEqual(calls, wanted);
        return;
    }
    assert.deepEqual(calls.map((call) => ({...call, id: ""})),
                     wanted.map((call) => ({...call, id: ""})));
    assert.equal(new Set(calls.map(({id}) => id || "none")).size, calls.length, "ids of calls");
}

/// `content`: what chat completions call so, [{token, logprob, bytes}].
export function assertLogprobs(kind, content) {
    if (kind !== "L") {
        assert.equal(content[0].logprob, -0.25);
        return;
    }
    assert.equal(Buffer.from(content.flatMap(({bytes}) => bytes)).toString(), said.plain.text);
    assert.ok(content.every(({logprob}) => logprob <= 0 && logprob > -0.001), "it is certain");
}

const embedded = ["one", "two"].map((text) => embed(chains, endless, text));
/// The embeddings of "one" and "two".
export const vectorsOf = (kind) => kind === "L" ? embedded : [vector, vector];

export function assertVectors(kind, got) {
    const wanted = vectorsOf(kind);
    assert.deepEqual(got.map((one) => one.length), wanted.map((one) => one.length));
    assert.ok(got.every((one, at) => one.every((value, place) =>
        Math.abs(value - wanted[at][place]) < 1e-6)), `${got}`);
}

/// A prompt that the source refuses as too long. The real engine's holds a byte a token, so that
/// the gateway, which reckons with four, lets it pass.
export const tooLong = (kind) => kind === "L" ? `#context ${"keel ".repeat(slotTokens / 4)}`
    : "#context";
