// Writes a model of the llama architecture that says what it is told to say, word for word. No
// training: each token's embedding is a vector of its own, attention and feed-forward are all zero,
// so the output matrix alone says which token follows which. The zeros are holes in the file; more
// and wider layers make it as slow as wanted, and as large in memory.
import {closeSync, ftruncateSync, openSync, writeSync} from "node:fs";

const head = 64;  // numbers of the one attention head
const alignment = 32;
const specials = ["<unk>", "<s>", "</s>", "<|turn|>", "<|end|>"];
const end = 4;
const firstByte = specials.length;
const unlikely = -30;

/// The token that makes the model say the answer of that name.
export const cue = (name) => `<|${name}|>`;

/// Cuts the answers, texts by name, into what the model says one after the other: pieces of text
/// and single bytes (numbers: characters beyond U+FFFF). As what has been said last decides what
/// comes next, nothing occurs twice: words that have been there are joined to their neighbours.
export function cut(answers) {
    const taken = new Set();
    const free = (part) => !taken.has(part);
    const out = {};
    for (const [name, text] of Object.entries(answers)) {
        const parts = [];
        let open = "";
        const close = () => {
            if (open && free(open)) {
                taken.add(open);
                parts.push(open);
                open = "";
            }
        };
        for (const word of text.match(/\s?[^\s\u{10000}-\u{10ffff}]+|[^]/gu)) {
            const bytes = [...Buffer.from(word)];
            if (open === "" && word.codePointAt(0) > 0xffff && bytes.every(free)) {
                bytes.forEach((byte) => taken.add(byte));
                parts.push(...bytes);
            } else {
                open += word;
                close();
            }
        }
        while (open && typeof parts.at(-1) === "string") {
            taken.delete(parts.at(-1));
            open = parts.pop() + open;
            close();
        }
        if (open) {
            throw new Error(`the answer "${name}" cannot be told from the others`);
        }
        out[name] = parts;
    }
    return out;
}

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

/// The model's embedding of an ASCII text whose words it has not: where its characters are, and the
/// beginning, all the same; of length 1.
export function embed(chains, endless, text) {
    const tokens = [1, ...[...Buffer.from(text)].map((byte) => firstByte + byte)];
    const out = Array(vocabulary(chains, endless.silent).names.length).fill(0);
    tokens.forEach((token) => ++out[token]);
    const length = Math.hypot(...out);
    return out.map((value) => value / length);
}

const hex = (byte) => byte.toString(16).toUpperCase().padStart(2, "0");

const hush = (at) => `<|hush${at}|>`;

function vocabulary(chains, silent = 0) {
    const names = [...specials];
    // What a token is: unknown, control, byte, normal, unused.
    const types = [2, 3, 3, 3, 3];
    const add = (name, type) => {
        names.push(name);
        types.push(type);
    };
    for (let byte = 0; byte < 256; ++byte) {
        add(`<0x${hex(byte)}>`, 6);
    }
    const tokens = new Map();
    for (const [name, parts] of Object.entries(chains)) {
        tokens.set(cue(name), names.length);
        add(cue(name), 3);
        for (const part of parts) {
            tokens.set(part, typeof part === "number" ? firstByte + part : names.length);
            if (typeof part === "string") {
                add(part.replaceAll(" ", "\u2581"), 1);
            }
        }
    }
    for (let at = 0; at < silent; ++at) {
        tokens.set(hush(at), names.length);
        add(hush(at), 3);
    }
    while (names.length % 64 !== 0) {
        add(`<unused${names.length}>`, 5);
    }
    return {names, types, tokens};
}

/// By token: what follows it. After anything else than a cue or a piece the first answer begins.
function successors({names, tokens}, chains, {name: endless, silent = 0} = {}) {
    const [first] = Object.values(chains);
    const next = Array(names.length).fill(tokens.get(first[0]));
    for (const [name, parts] of Object.entries(chains)) {
        const last = name === endless ? tokens.get(parts[0]) : end;
        const rest = name === endless ? Array.from({length: silent}, (_, at) => hush(at)) : [];
        const all = [cue(name), ...parts, ...rest].map((part) => tokens.get(part));
        all.forEach((token, at) => {
            next[token] = all[at + 1] ?? last;
        });
    }
    return next;
}

const floats = (values) => {
    const array = Float32Array.from(values);
    return Buffer.from(array.buffer);
};

/// Its name, dimensions, and contents or (a number) so many zero bytes.
function tensors(next, layers, width) {
    const size = next.length;
    const embeddings = new Float32Array(size * size);
    const follows = new Float32Array(size * size).fill(unlikely / Math.sqrt(size));
    for (const [token, successor] of next.entries()) {
        embeddings[token * size + token] = 1;
        follows[successor * size + token] = 0;
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

/// `chains`: the pieces of its answers by name, as `cut` makes them. The answer `endless.name`
/// begins anew at its end, after `endless.silent` tokens without a text. `template` (Jinja) makes
/// the prompt of a conversation.
export function writeModel(file, {chains, endless, template, layers = 1, width = 32,
                                  context = 4096}) {
    const words = vocabulary(chains, endless?.silent);
    const {names, types} = words;
    const size = names.length;
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
        ["llama.pooling_type", u32, 1],  // the mean
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
        ["tokenizer.chat_template", text, template],
    ];
    const all = tensors(successors(words, chains, endless), layers, width);
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
