// The real daemon rents from the fake through prism with the vendors' official descriptions: over a
// whole life of a machine it sends nothing, and is sent nothing, that they do not allow.
import assert from "node:assert/strict";
import {execFileSync} from "node:child_process";
import {once} from "node:events";
import {existsSync, mkdirSync, readFileSync, writeFileSync} from "node:fs";
import {createServer, request} from "node:http";
import {join} from "node:path";
import {test} from "node:test";
import {startFakeCloud, token} from "./fake_cloud.mjs";
import {Stage, freePort, until} from "./helpers.mjs";

const program = process.env.EVENKEEL_BIN;
const speed = 240;
const pace = ["--speed", String(speed), "--placing", "10s", "--boot", "30s", "--loading", "30s"];

/// Passes everything on to `described` and keeps what prism objects to. RunPod's balance is asked
/// for by GraphQL, which the description of its REST API does not know: that goes to `plain`.
async function startRecorder(described, plain) {
    const record = {calls: new Map(), objections: []};
    const server = createServer((asked, reply) => {
        const target = asked.url.startsWith("/graphql") ? plain : described;
        const onward = request(target + asked.url, {method: asked.method, headers: asked.headers},
                               (answer) => {
            const pieces = [];
            answer.on("data", (piece) => pieces.push(piece));
            answer.on("end", () => {
                const body = Buffer.concat(pieces);
                const call = `${asked.method} ${asked.url.replace(/[?].*/, "")}`;
                record.calls.set(call, (record.calls.get(call) ?? 0) + 1);
                if (body.includes("stoplight.io/prism") || answer.headers["sl-violations"]) {
                    record.objections.push(`${call}: ${answer.statusCode} ${body}`);
                }
                reply.writeHead(answer.statusCode, answer.headers);
                reply.end(body);
            });
        });
        onward.on("error", () => reply.destroy());
        asked.pipe(onward);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    record.base = `http://127.0.0.1:${server.address().port}`;
    record.stop = () => {
        server.close();
        server.closeAllConnections();
    };
    return record;
}

async function startDaemon(stage, vendor, gpu, cents, more, base) {
    const {folder} = stage;
    const [config, state] = [join(folder, "config"), join(folder, "state")];
    const portFile = join(folder, "engine.port");
    stage.start(program, ["engine", "--synthetic", "--profile", "5090-32b-awq",
                          "--model", "qwq-32b", "--speed", "4", "--listen", "127.0.0.1:0",
                          "--port-file", portFile]);
    const enginePort = await until("the engine's port", () =>
        existsSync(portFile) && Number(readFileSync(portFile, "utf8").trim()));
    const [api, admin] = [await freePort(), await freePort()];
    const price = (factor) => `${(cents * speed * factor / 100).toFixed(2)} USD/h`;
    mkdirSync(join(config, "credentials"), {recursive: true, mode: 0o700});
    writeFileSync(join(config, "credentials", "rented.key"), `${token}\n`, {mode: 0o600});
    writeFileSync(join(config, "evenkeel.yaml"), `version: 1\nspeed: ${speed}\n` +
        `listen: {api: "127.0.0.1:${api}", admin: "127.0.0.1:${admin}"}\n`);
    writeFileSync(join(config, "providers.yaml"), `version: 1\nproviders:\n` +
        `  desk: {kind: local, engine: synthetic, url: "http://127.0.0.1:${enginePort}", ` +
        `synthetic: true}\n` +
        `  ${vendor}: {kind: ${vendor}, credential: rented.key, base_url: "${base}", ` +
        `max_machines: 1, synthetic: true${more}}\n`);
    writeFileSync(join(config, "models.yaml"), `version: 1\nmodels:\n  qwq-32b:\n` +
        `    context: 32k\n    offers:\n      - {on: desk, slots: 1}\n` +
        `      - {on: ${vendor}, gpu: "${gpu}", engine: vllm, weights: Qwen/QwQ-32B, ` +
        `image: "vllm/vllm-openai:v0.11.0", slots: 16, price: ${price(1)}, ` +
        `seen: ${new Date().toISOString().slice(0, 10)}}\n`);
    const writePolicy = (min) => writeFileSync(join(config, "policy.yaml"),
        `version: 1\nroutes:\n` +
        `  - {name: default, match: {}, use: [qwq-32b], max_wait: 30s}\n` +
        `scaling:\n  - {name: burst, model: qwq-32b, offers: [${vendor}], min: ${min}, max: 1, ` +
        `boot: 250ms, min_bill: 250ms, idle_stop: 300ms, max_price: ${price(1.1)}, ` +
        `max_life: 90s, drain: 750ms, warm_up: 10s}\n` +
        `safety: {max_machines: 1, leak_scan: 500ms, proof_gap: 250ms, orphan_grace: 250ms}\n`);
    writePolicy(1);
    const folders = ["--config", config, "--state", state];
    const key = JSON.parse(execFileSync(program, ["keys", "create", "c", "--json", ...folders],
        {encoding: "utf8", stdio: ["ignore", "pipe", "ignore"]})).key;
    const child = stage.start(program, ["serve", ...folders]);
    const nodes = async () => {
        try {
            return (await (await fetch(`http://127.0.0.1:${admin}/api/nodes`)).json()).machines;
        } catch {
            return undefined;
        }
    };
    const keepNone = () => {
        writePolicy(0);
        child.kill("SIGHUP");
    };
    return {api, key, nodes, keepNone, child};
}

const vendors = [
    ["digitalocean", "digitalocean.openapi.json", "gpu-h100x1-80gb", 441, ', ssh_keys: ["512190"]'],
    ["runpod", "runpod-v2-apache.openapi.json", "NVIDIA H100 80GB HBM3", 399, ""],
];
for (const [vendor, description, gpu, cents, more] of vendors) {
    test(`${vendor}: a machine's whole life by its official description`, async () => {
        const cloud = await startFakeCloud(pace);
        const stage = new Stage();
        let recorder;
        try {
            recorder = await startRecorder(await cloud.startPrism(vendor, description),
                                           cloud.at[vendor].http);
            const daemon =
                await startDaemon(stage, vendor, gpu, cents, more, recorder.base);
            const here = async (state) =>
                ((await daemon.nodes()) ?? []).some((machine) => machine.state === state);
            await until("a machine that serves", () => here("serving"), 60_000);
            const answer = await fetch(`http://127.0.0.1:${daemon.api}/v1/chat/completions`, {
                method: "POST",
                headers: {Authorization: `Bearer ${daemon.key}`,
                          "Content-Type": "application/json"},
                body: JSON.stringify({model: "qwq-32b", max_tokens: 8,
                                      messages: [{role: "user", content: "hello"}]}),
            });
            assert.equal(answer.status, 200, await answer.text());
            daemon.keepNone();
            await until("its proved end", async () => {
                const machines = await daemon.nodes();
                return machines?.every((machine) => machine.state === "gone");
            }, 60_000);
            const ended = once(daemon.child, "exit");
            daemon.child.kill("SIGTERM");
            assert.deepEqual(await ended, [0, null]);
            const summary = await cloud.inspect("/summary");
            assert.equal(summary.vendors[vendor].created, 1);
            assert.equal(summary.vendors[vendor].live_with_our_mark, 0);
            assert.deepEqual(summary.double_creates, []);
            assert.deepEqual(recorder.objections, []);
            assert.ok(recorder.calls.size >= 6,
                      `too little was tried: ${[...recorder.calls.keys()].join(", ")}`);
        } finally {
            recorder?.stop();
            await stage.stop();
            await cloud.stop();
        }
    });
}
