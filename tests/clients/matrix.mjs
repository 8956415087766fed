// The matrix of cases and SDKs. Each SDK's file registers what it can do; its last test compares
// that with its column in docs/dialects.md, so the table there says what has just passed.
// EVENKEEL_UPDATE_DOCS=1 writes the column instead (one file at a time: --test-concurrency=1).
import assert from "node:assert/strict";
import {readFileSync, writeFileSync} from "node:fs";
import {after, before, describe, test} from "node:test";
import {until} from "./helpers.mjs";
import {missing} from "./llama_engine.mjs";
import {kinds, startMatrixStage} from "./matrix_stage.mjs";

const page = new URL("../../docs/dialects.md", import.meta.url);
const begin = "| case | ";

export const cases = {
    plain: "plain answer: text, usage, finish reason",
    stream: "streamed answer, usage at its end",
    length: "answer cut by its limit",
    tools: "tool call, its result, the answer to it",
    parallel: "two tool calls in one streamed answer, both results",
    thinking: "thinking, plain and streamed",
    refusal: "refusal",
    schema: "answer by a JSON schema",
    image: "image arrives as sent",
    long: "prompt of 200 KB arrives whole",
    several: "`n: 2`",
    logprobs: "logprobs",
    completions: "completions, plain and streamed",
    responses: "responses, plain",
    responding: "responses, streamed",
    embeddings: "embeddings",
    count: "count_tokens",
    models: "list of models, and one of them",
    abort: "abort of a stream reaches the source within 0.5 s",
    leave: "abort before the first byte does, too",
    busy: "429 with Retry-After: asked again, answered",
    bare: "429 without it: the same",
    overloaded: "503 or 529: the same",
    quota: "the gateway's account is out of money: asked once",
    context: "prompt too long: the SDK's error for it",
    credential: "source refuses the gateway's key: not the client's fault",
    cut: "stream that breaks off: an error, no silent end",
    fails: "error event in mid-stream",
    key: "wrong key",
    unknown: "unknown model",
    batches: "batches: refused, asked once",
};
const columns = ["openai", "@anthropic-ai/sdk", "ai", "langchain", "python openai",
                 "python anthropic"];
/// What a real engine with a model that can only write text does, too (L).
const byEngine = new Set(["plain", "stream", "length", "tools", "parallel", "thinking", "schema",
                          "several", "logprobs", "completions", "responses", "embeddings",
                          "count", "abort", "context"]);

const cells = (line) => line.split("|").slice(1, -1).map((cell) => cell.trim());

function readTable() {
    const lines = readFileSync(page, "utf8").split("\n");
    const first = lines.findIndex((line) => line.startsWith(begin));
    let last = first;
    while (first >= 0 && lines[last]?.startsWith("|")) {
        ++last;
    }
    return {lines, first, last};
}

/// What the table says of one SDK: by case, "W O A L" or "yes" or "-".
function readColumn(column) {
    const {lines, first, last} = readTable();
    assert.ok(first >= 0, "docs/dialects.md has no table of cases");
    const at = cells(lines[first]).indexOf(column);
    return Object.fromEntries(lines.slice(first + 2, last).map(cells)
        .map((row) => [row[0], row[at]]));
}

function writeColumn(column, said) {
    const {lines, first, last} = readTable();
    const kept = Object.fromEntries(columns.map((one) => [one, one === column ? said
        : readColumn(one)]));
    const rows = Object.values(cases).map((label) =>
        `| ${[label, ...columns.map((one) => kept[one][label] ?? "-")].join(" | ")} |`);
    lines.splice(first, last - first, `| ${["case", ...columns].join(" | ")} |`,
                 `|${"---|".repeat(columns.length + 1)}`, ...rows);
    writeFileSync(page, lines.join("\n"));
}

/// Registers the tests of one column: `tests` calls `check(case, run, its kinds)`; `run` gets the
/// stage and one kind of source, the real engine being added where it can do the case. Without
/// kinds the case has nothing to do with a source.
export function matrix(column, tests) {
    const said = Object.fromEntries(Object.values(cases).map((label) => [label, "-"]));
    let passed = 0;
    let registered = 0;
    let stage;
    before(async () => {
        stage = await startMatrixStage();
    });
    after(async () => stage?.stop());
    describe(column, {concurrency: 12}, () => {
        const one = (name, run) => {
            ++registered;
            test(`${column}: ${name}`, {timeout: 30_000}, async () => {
                await run();
                ++passed;
            });
        };
        tests((id, run, scripted = kinds) => {
            const label = cases[id];
            assert.ok(label, `no such case: ${id}`);
            if (scripted.length === 0) {
                said[label] = "yes";
                one(label, () => run(stage));
                return;
            }
            const where = byEngine.has(id) ? [...scripted, "L"] : scripted;
            said[label] = where.join(" ");
            for (const kind of where) {
                if (kind === "L" && missing) {
                    test(`${column}: ${label} (L)`, {skip: missing}, () => {});
                } else {
                    one(`${label} (${kind})`, () => run(stage, kind));
                }
            }
        });
    });
    test(`${column}: the table in docs/dialects.md says what has passed`, () => {
        assert.equal(passed, registered, "not everything has passed");
        if (process.env.EVENKEEL_UPDATE_DOCS === "1") {
            writeColumn(column, said);
        }
        assert.deepEqual(readColumn(column), said,
                         "run with EVENKEEL_UPDATE_DOCS=1 and look at what has changed");
    });
}

/// Waits until the request of case `id` is at its source.
export const arrival = (stage, id) => until("the request", () => stage.requests(id) === 1, 3_000);

/// Tells how long after `left` (ms since 1970) the source saw that the client of `id` was gone.
export async function goneAfter(stage, id, left) {
    await until("the abort at the source", () => stage.aborted(id) > 0, 3_000);
    return stage.aborted(id) - left;
}

/// The SDK must fail with an error of its class `type` that has these properties.
export async function refused(promise, type, more = {}) {
    await assert.rejects(promise, (error) => {
        assert.ok(error instanceof type, `${error.constructor.name}: ${error.message}`);
        for (const [key, value] of Object.entries(more)) {
            assert.equal(error[key], value, key);
        }
        return true;
    });
}
