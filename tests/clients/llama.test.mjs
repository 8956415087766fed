// A real engine that the daemon starts itself: it loads, serves, is swapped out for another on the
// same GPU, killed, started again, and gone with the daemon.
import assert from "node:assert/strict";
import {once} from "node:events";
import {test} from "node:test";
import {until} from "./helpers.mjs";
import {missing} from "./llama_engine.mjs";
import {saying, startLlamaStage} from "./llama_stage.mjs";

const skip = missing || false;
const isAlive = (pid) => {
    try {
        process.kill(pid, 0);
        return true;
    } catch {
        return false;
    }
};
const lastPid = (stage, name) => Number(
    [...stage.log().matchAll(new RegExp(`engine=${name}-engine started, pid (\\d+)`, "g"))]
        .at(-1)?.[1]);

async function say(stage, model) {
    const answer = await fetch(`${stage.root}/v1/chat/completions`, {
        method: "POST",
        headers: {authorization: `Bearer ${stage.key}`, "content-type": "application/json"},
        body: JSON.stringify({model, max_tokens: 500,
                              messages: [{role: "user", content: "Your words."}]}),
    });
    assert.equal(answer.status, 200, await answer.clone().text());
    assert.equal(answer.headers.get("x-evenkeel-source"), `${model}-engine`);
    const body = await answer.json();
    assert.equal(body.choices[0].message.content, saying[model]);
    assert.equal(body.choices[0].finish_reason, "stop");
    return body;
}

test("llama-server is started, waited for, swapped, killed and started again",
     {skip, timeout: 90_000}, async () => {
    const stage = await startLlamaStage();
    try {
        const seen = new Set();
        const watch = setInterval(async () => {
            seen.add(await stage.state("fore").catch(() => ""));
        }, 50);
        await say(stage, "fore");  // held while it loads
        clearInterval(watch);
        assert.ok([...seen].some((state) => /^starting/.test(state)), [...seen].join());
        assert.equal(await stage.state("aft"), "off: another has its place");
        assert.match(stage.log(), /engine=fore-engine: .*listening on http/);

        const first = lastPid(stage, "fore");
        await say(stage, "aft");  // swapped
        assert.equal(isAlive(first), false, "two that do not fit were loaded at once");
        assert.equal(await stage.state("fore"), "off: another has its place");
        await say(stage, "fore");

        const second = lastPid(stage, "fore");
        process.kill(second, "SIGKILL");
        await until("the next start", () => lastPid(stage, "fore") !== second);
        await say(stage, "fore");

        const third = lastPid(stage, "fore");
        stage.child.kill("SIGKILL");
        await once(stage.child, "exit");
        await until("the engine's end", () => !isAlive(third), 5_000);
    } finally {
        await stage.stop();
    }
});
