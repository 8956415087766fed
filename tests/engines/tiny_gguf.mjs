// Writes a model of the llama architecture that says the same words in the same order, then ends.
// No training: each token's embedding is a vector of its own, attention and feed-forward are all
// zero, so the output matrix alone says which token follows which. The zeros are holes in the file;
// more and wider layers make it as slow as wanted, and as large in memory.
//
//   node tiny_gguf.mjs FILE [--words 200] [--layers 1] [--width 32] [--context 4096]
import {closeSync, ftruncateSync, openSync, writeSync} from "node:fs";
import {pathToFileURL} from "node:url";
import {parseArgs} from "node:util";

const size = 512;  // tokens, and numbers of each embedding
const head = 64;   // numbers of the one attention head
const alignment = 32;
const specials = ["<unk>", "<s>", "</s>", "<|turn|>", "<|end|>"];
const end = 4;
const firstByte = specials.length;
const firstWord = firstByte + 256;
export const wordsMax = size - firstWord;
const unlikely = -30;

/// The word of that place: "ba", "be" ... "lolu".
function word(place) {
    const syllables = [];
    for (const consonant of "bdfgklmnprst") {
        for (const vowel of "aeiou") {
            syllables.push(consonant + vowel);
        }
    }
    const first = syllables[place % syllables.length];
    const second = Math.floor(place / syllables.length);
    return second === 0 ? first : first + syllables[second];
}

/// What a model of so many words says, as it says it.
export const sayings = (count) => Array.from({length: count}, (_, at) => word(at));

class Bytes {
    #parts = [];
    add(...parts) {
        this.#parts.push(...parts);
        return this;
    }
    u32(value) {
        const part = Buffer.alloc(4);
        part.writeUInt32LE(value);
        return this.add(part);
    }
    u64(value) {
        const part = Buffer.alloc(8);
        part.writeBigUInt64LE(BigInt(value));
        return this.add(part);
    }
    f32(value) {
        const part = Buffer.alloc(4);
        part.writeFloatLE(value);
        return this.add(part);
    }
    text(value) {
        const part = Buffer.from(value, "utf8");
        return this.u64(part.length).add(part);
    }
    whole() {
        return Buffer.concat(this.#parts);
    }
}

// Numbers of the types in a GGUF file, and how a value of each is written.
const writers = {
    4: (out, value) => out.u32(value),
    5: (out, value) => out.u32(value),  // none of ours is negative
    6: (out, value) => out.f32(value),
    7: (out, value) => out.add(Buffer.from([value ? 1 : 0])),
    8: (out, value) => out.text(value),
    9: (out, {of, items}) => {
        out.u32(of).u64(items.length);
        items.forEach((item) => writers[of](out, item));
    },
};
const [u32, i32, f32, bool, text, list] = [4, 5, 6, 7, 8, 9];

function vocabulary(words) {
    const names = [...specials];
    // What a token is: unknown, control, byte, normal, unused.
    const types = [2, 3, 3, 3, 3];
    for (let byte = 0; byte < 256; ++byte) {
        names.push(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
        types.push(6);
    }
    for (const each of words) {
        names.push(`\u2581${each}`);
        types.push(1);
    }
    while (names.length < size) {
        names.push(`<unused${names.length}>`);
        types.push(5);
    }
    return {names, types};
}

const floats = (values) => {
    const array = Float32Array.from(values);
    return Buffer.from(array.buffer);
};

/// Its name, dimensions, and contents or (a number) so many zero bytes.
function tensors(words, layers, width) {
    const embeddings = new Float32Array(size * size);
    const follows = new Float32Array(size * size).fill(unlikely / Math.sqrt(size));
    for (let token = 0; token < size; ++token) {
        embeddings[token * size + token] = 1;
        const place = token - firstWord;
        const isWord = place >= 0 && place < words.length;
        const next = !isWord ? firstWord : place + 1 < words.length ? token + 1 : end;
        follows[next * size + token] = 0;
    }
    const ones = floats(Array(size).fill(1));
    const out = [
        ["token_embd.weight", [size, size], Buffer.from(embeddings.buffer)],
        ["output_norm.weight", [size], ones],
        ["output.weight", [size, size], Buffer.from(follows.buffer)],
    ];
    for (let layer = 0; layer < layers; ++layer) {
        const at = (name) => `blk.${layer}.${name}.weight`;
        out.push([at("attn_norm"), [size], ones], [at("ffn_norm"), [size], ones]);
        for (const [name, rows, columns] of [
            ["attn_q", size, head], ["attn_k", size, head], ["attn_v", size, head],
            ["attn_output", head, size],
            ["ffn_gate", size, width], ["ffn_up", size, width], ["ffn_down", width, size],
        ]) {
            out.push([at(name), [rows, columns], rows * columns * 4]);
        }
    }
    return out;
}

export function writeModel(file, {words = 200, layers = 1, width = 32, context = 4096} = {}) {
    if (words < 1 || words > wordsMax) {
        throw new Error(`1 to ${wordsMax} words, not ${words}`);
    }
    const said = sayings(words);
    const {names, types} = vocabulary(said);
    const facts = [
        ["general.architecture", text, "llama"],
        ["general.name", text, "tiny"],
        ["general.file_type", u32, 0],
        ["llama.context_length", u32, context],
        ["llama.embedding_length", u32, size],
        ["llama.block_count", u32, layers],
        ["llama.feed_forward_length", u32, width],
        ["llama.attention.head_count", u32, 1],
        ["llama.attention.head_count_kv", u32, 1],
        ["llama.attention.key_length", u32, head],
        ["llama.attention.value_length", u32, head],
        ["llama.attention.layer_norm_rms_epsilon", f32, 1e-6],
        ["llama.rope.dimension_count", u32, head],
        ["llama.vocab_size", u32, size],
        ["tokenizer.ggml.model", text, "llama"],
        ["tokenizer.ggml.tokens", list, {of: text, items: names}],
        ["tokenizer.ggml.scores", list, {of: f32, items: names.map(() => 0)}],
        ["tokenizer.ggml.token_type", list, {of: i32, items: types}],
        ["tokenizer.ggml.bos_token_id", u32, 1],
        ["tokenizer.ggml.eos_token_id", u32, end],
        ["tokenizer.ggml.unknown_token_id", u32, 0],
        ["tokenizer.ggml.add_bos_token", bool, true],
        ["tokenizer.ggml.add_space_prefix", bool, false],
    ];
    const all = tensors(said, layers, width);
    const out = new Bytes().add(Buffer.from("GGUF")).u32(3).u64(all.length).u64(facts.length);
    for (const [name, type, value] of facts) {
        writers[type](out.text(name).u32(type), value);
    }
    const lengthOf = (contents) => typeof contents === "number" ? contents : contents.length;
    const aligned = (length) => Math.ceil(length / alignment) * alignment;
    let offset = 0;
    for (const [name, dimensions, contents] of all) {
        out.text(name).u32(dimensions.length);
        dimensions.forEach((dimension) => out.u64(dimension));
        out.u32(0).u64(offset);  // 32-bit floats
        offset += aligned(lengthOf(contents));
    }
    const headBytes = out.whole();
    const begin = aligned(headBytes.length);
    const fd = openSync(file, "w");
    writeSync(fd, headBytes, 0, headBytes.length, 0);
    let at = begin;
    for (const [, , contents] of all) {
        if (typeof contents !== "number") {
            writeSync(fd, contents, 0, contents.length, at);
        }
        at += aligned(lengthOf(contents));
    }
    ftruncateSync(fd, begin + offset);
    closeSync(fd);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
    const {values, positionals} = parseArgs({allowPositionals: true, options: {
        words: {type: "string"}, layers: {type: "string"}, width: {type: "string"},
        context: {type: "string"}}});
    writeModel(positionals[0], Object.fromEntries(
        Object.entries(values).map(([name, value]) => [name, Number(value)])));
}
