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

async function ask(stage, model, content, more = {}) {
    const answer = await fetch(`${stage.root}/v1/chat/completions`, {
        method: "POST",
        headers: {authorization: `Bearer ${stage.key}`, "content-type": "application/json"},
        body: JSON.stringify({model, max_tokens: 1_000, messages: [{role: "user", content}],
                              ...more}),
    });
    assert.equal(answer.status, 200, answer.status === 200 ? "" : await answer.text());
    return answer;
}

async function say(stage, model) {
    const answer = await ask(stage, model, "Your words.");
    assert.equal(answer.headers.get("x-evenkeel-source"), `${model}-engine`);
    const body = await answer.json();
    assert.equal(body.choices[0].message.content, saying[model]);
    assert.equal(body.choices[0].finish_reason, "stop");
    return body;
}

/// Reads a stream to its end; the engine that it comes from is killed when so much text is there.
/// Gives the text and the events.
async function readAndKill(stage, answer, length) {
    const name = answer.headers.get("x-evenkeel-source").replace("-engine", "");
    const pid = lastPid(stage, name);
    const decoder = new TextDecoder();
    let [all, text, killed] = ["", "", false];
    for await (const bytes of answer.body) {
        all += decoder.decode(bytes, {stream: true});
        text = [...all.matchAll(/^data: (\{.*\})$/gm)].map(([, data]) =>
            JSON.parse(data).choices?.[0]?.delta?.content ?? "").join("");
        if (!killed && text.length >= length) {
            process.kill(pid, "SIGKILL");
            killed = true;
        }
    }
    return {name, text, all};
}

test("llama-server is started, waited for, swapped, killed and started again",
     {skip, timeout: 90_000}, async () => {
    const stage = await startLlamaStage({fore: "fore", aft: "aft"}, {memory: "6 GB"});
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
        const cut = await readAndKill(
            stage, await ask(stage, "fore", "#slow", {stream: true}), 12);
        assert.match(cut.text, /^tick tock tick/);
        assert.match(cut.all, /"code":"source_cut"/);
        assert.doesNotMatch(cut.all, /\[DONE\]/);
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

test("a stream whose llama-server is killed goes on at another", {skip, timeout: 90_000},
     async () => {
    // Wide enough for some 15 ms a letter.
    const stage = await startLlamaStage({one: "twins", other: "twins"}, {
        memory: "3 GB", width: 32_768, route: ", continue_on_failure: true"});
    try {
        await until("both engines", async () => await stage.state("one") === "serving" &&
            await stage.state("other") === "serving", 60_000);
        const got = await readAndKill(
            stage, await ask(stage, "twins", "Your letters.", {
                stream: true, stream_options: {include_usage: true}}), 5);
        const other = got.name === "one" ? "other" : "one";
        assert.match(got.all, new RegExp(`^: x-evenkeel-continued: ${other}-engine$`, "m"));
        assert.equal(got.text, saying.twins);
        assert.equal(got.all.match(/"finish_reason":"stop"/g).length, 1);
        const [usage] = /"usage":\{[^}]*/.exec(got.all);
        assert.match(usage, /"completion_tokens":2[678]\b/);
        assert.match(got.all, /data: \[DONE\]\s*$/);
    } finally {
        await stage.stop();
    }
});
