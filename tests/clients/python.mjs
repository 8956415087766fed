// The Python SDKs: one interpreter for each, which gets its cases by standard input.
import assert from "node:assert/strict";
import {spawn} from "node:child_process";
import {existsSync} from "node:fs";
import {createInterface} from "node:readline";
import {after, before} from "node:test";
import {fileURLToPath} from "node:url";
import * as answers from "./answers.mjs";
import {tooLong, usageOf, vectorsOf} from "./expect.mjs";
import {python} from "./helpers.mjs";
import {lengthTokens} from "./llama_model.mjs";
import {goneAfter, matrix} from "./matrix.mjs";
import {digest} from "./upstream.mjs";

/// By the time a client has read so many pieces of the real engine's, that has been seen at work.
const piecesSeen = 10;

/// The cases of `script` with the sources that each is for; what it says is checked here where the
/// upstream or the door knows better.
export function pythonMatrix(column, script, cases) {
    let child;
    let count = 0;
    const waiting = new Map();
    before(() => {
        assert.ok(existsSync(python),
                  "there are no Python SDKs: run scripts/setup.sh --tests");
        child = spawn(python, ["-B", fileURLToPath(new URL(script, import.meta.url))],
                      {stdio: ["pipe", "pipe", "inherit"]});
        createInterface({input: child.stdout}).on("line", (line) => {
            const {n, error, told} = JSON.parse(line);
            waiting.get(n)?.(error, told);
            waiting.delete(n);
        });
        child.on("exit", () => waiting.forEach((answer) => answer("Python has ended")));
        child.stdin.write(`${JSON.stringify({...answers, tool_result: answers.toolResult,
                                             long_prompt: answers.longPrompt,
                                             length_tokens: lengthTokens,
                                             saw: `saw ${digest(answers.png)}`})}\n`);
    });
    after(() => child?.stdin.end());
    const run = (job) => new Promise((resolve, reject) => {
        const n = ++count;
        waiting.set(n, (error, told) => error ? reject(new Error(error)) : resolve(told));
        child.stdin.write(`${JSON.stringify({...job, n})}\n`);
    });
    const needSpare = new Set(["busy", "bare", "overloaded", "quota", "credential"]);
    const counted = {busy: 2, bare: 2, overloaded: 2, quota: 1, batches: 1};
    matrix(column, (check) => {
        for (const [name, where] of Object.entries(cases)) {
            check(name, async (stage, kind) => {
                const id = stage.newId();
                const model = !kind ? "worker" : needSpare.has(name) ? stage.spare(kind)
                    : stage.model(kind);
                const root = name in counted ? stage.door.root : stage.root;
                const told = await run({case: name, kind, id, model, root, key: stage.key,
                                        usage: usageOf(kind, name), too_long: tooLong(kind),
                                        vectors: vectorsOf(kind),
                                        pieces_read: kind === "L" ? piecesSeen : 3});
                if (name in counted) {
                    assert.equal(stage.door.hits(id), counted[name]);
                }
                if (name === "abort" || name === "leave") {
                    assert.ok(await goneAfter(stage, id, told) < 500);
                }
            }, where);
        }
    });
}
