// A machine that was rented with the agent's kind of start text: its own address, TLS with its own
// certificate, its own key, the synthetic engine behind it.
import assert from "node:assert/strict";
import {execFileSync} from "node:child_process";
import {after, before, test} from "node:test";
import {mkdtempSync, readFileSync, rmSync} from "node:fs";
import {request} from "node:https";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {startFakeCloud, token} from "./fake_cloud.mjs";
import {until} from "./helpers.mjs";

const key = "node-key-4711";
let cloud;
let identity;

function makeIdentity() {
    const folder = mkdtempSync(join(tmpdir(), "evenkeel-node-"));
    const [certificate, secret] = [join(folder, "crt"), join(folder, "key")];
    execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt",
                             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj",
                             "/CN=node", "-keyout", secret, "-out", certificate],
                 {stdio: ["ignore", "ignore", "ignore"]});
    const made = {certificate: readFileSync(certificate, "utf8"),
                  secret: readFileSync(secret, "utf8")};
    rmSync(folder, {recursive: true});
    return made;
}

const indented = (text) => text.replace(/^(?=.)/gm, "      ");

function cloudInit() {
    return "#cloud-config\nwrite_files:\n  - path: /etc/node/crt\n    content: |\n" +
        indented(identity.certificate) + "  - path: /etc/node/key\n    content: |\n" +
        indented(identity.secret) + "  - path: /etc/node/env\n    content: |\n" +
        `      EVENKEEL_ENGINE_KEY=${key}\n` +
        "runcmd:\n  - vllm serve Qwen/QwQ-32B --served-model-name qwq-32b\n" +
        "  - \"listen 8443 ssl;\"\n";
}

function containerArguments() {
    const script = `cat >crt <<'E'\n${identity.certificate}E\ncat >key <<'E'\n${identity.secret}E\n` +
        `EVENKEEL_ENGINE_KEY=${key}\nvllm serve x --served-model-name qwq-32b\n`;
    return `-c "echo ${Buffer.from(script).toString("base64")} | base64 -d | bash"`;
}

/// One request to a node; the answer with the certificate that was shown.
function ask(host, port, path, {method = "GET", authorization, body} = {}) {
    return new Promise((resolve, reject) => {
        const call = request(
            {host, port, path, method, rejectUnauthorized: false, agent: false,
             headers: {...(authorization && {authorization}), "content-type": "application/json"}},
            (answer) => {
                const shown = answer.socket.getPeerX509Certificate().toString();
                let text = "";
                answer.setEncoding("utf8");
                answer.on("data", (piece) => text += piece);
                answer.on("end", () => resolve({status: answer.statusCode, text, shown}));
                answer.on("error", reject);
            });
        call.on("error", reject);
        call.end(body);
    });
}

const api = async (vendor, method, path, body) => {
    const answer = await fetch(cloud.at[vendor].http + path, {
        method, body: body && JSON.stringify(body),
        headers: {Authorization: `Bearer ${token}`, "Content-Type": "application/json"},
    });
    return answer.status === 204 ? null : answer.json();
};

before(async () => {
    identity = makeIdentity();
    cloud = await startFakeCloud(["--speed", "100", "--placing", "5s", "--boot", "10s",
                                  "--loading", "5s", "--deleting", "5s"]);
});
after(async () => cloud?.stop());

async function rentDroplet(name) {
    const {droplet} = await api("digitalocean", "POST", "/v2/droplets", {
        name, region: "tor1", size: "gpu-h100x1-80gb", image: "gpu-h100x1-base", tags: ["t"],
        user_data: cloudInit(),
    });
    const place = await until("a node", async () => {
        const {droplet: now} = await api("digitalocean", "GET", `/v2/droplets/${droplet.id}`);
        return now.networks.v4.find((one) => one.type === "public")?.ip_address;
    });
    return {id: droplet.id, host: place, port: 8443};
}

const chat = (more) => JSON.stringify({
    model: "qwq-32b", max_tokens: 16, messages: [{role: "user", content: "Hello."}], ...more,
});

async function ready({host, port}) {
    await until("the engine", async () => {
        try {
            return (await ask(host, port, "/health")).status === 200;
        } catch {
            return false;
        }
    });
}

test("a Droplet serves the model behind TLS with what its user data says", async () => {
    const node = await rentDroplet("node-1");
    await ready(node);
    const authorization = `Bearer ${key}`;
    const models = await ask(node.host, node.port, "/v1/models", {authorization});
    assert.equal(models.shown, identity.certificate);
    assert.equal(JSON.parse(models.text).data[0].id, "qwq-32b");
    const answer = await ask(node.host, node.port, "/v1/chat/completions",
                             {method: "POST", authorization, body: chat()});
    assert.equal(JSON.parse(answer.text).usage.completion_tokens, 16);
    const stream = await ask(node.host, node.port, "/v1/chat/completions",
                             {method: "POST", authorization, body: chat({stream: true})});
    assert.match(stream.text, /data: \[DONE\]/);
    assert.equal((await ask(node.host, node.port, "/v1/models")).status, 401);
    assert.equal((await ask(node.host, node.port, "/tokenize", {authorization})).status, 404);
    await api("digitalocean", "DELETE", `/v2/droplets/${node.id}`);
    await until("silence", async () => ask(node.host, node.port, "/health").then(() => false,
                                                                                  () => true));
});

test("a pod's front is found by its mapped port", async () => {
    const pod = await api("runpod", "POST", "/v2/pods", {
        name: "node-2", image: "x", gpu: {id: "NVIDIA H100 80GB HBM3", count: 1},
        ports: ["8443/tcp"], args: containerArguments(),
    });
    const mapped = await until("the port", async () =>
        (await api("runpod", "GET", `/v2/pods/${pod.id}`)).runtime?.ports?.[0]);
    assert.equal(mapped.private, 8443);
    const node = {host: mapped.ip, port: mapped.public};
    await ready(node);
    const answer = await ask(node.host, node.port, "/v1/chat/completions",
                             {method: "POST", authorization: `Bearer ${key}`, body: chat()});
    assert.equal(answer.shown, identity.certificate);
    assert.equal(answer.status, 200);
    await api("runpod", "DELETE", `/v2/pods/${pod.id}`);
});

test("nodes that are not what they should be", async () => {
    const authorization = `Bearer ${key}`;
    const rentWith = async (name) => {
        await cloud.turn("/personalities", {vendor: "digitalocean", on: [{name}]});
        const node = await rentDroplet(`bad-${name.replaceAll("_", "-")}`);
        await cloud.turn("/personalities", {vendor: "digitalocean", off: ["*"]});
        return node;
    };
    const wrongPin = await rentWith("wrong_pin");
    await ready(wrongPin);
    assert.notEqual((await ask(wrongPin.host, wrongPin.port, "/health")).shown,
                    identity.certificate);
    const wrongModel = await rentWith("wrong_model");
    await ready(wrongModel);
    const models = await ask(wrongModel.host, wrongModel.port, "/v1/models", {authorization});
    assert.notEqual(JSON.parse(models.text).data[0].id, "qwq-32b");
    const garbage = await rentWith("garbage_completion");
    await ready(garbage);
    const stream = await ask(garbage.host, garbage.port, "/v1/chat/completions",
                             {method: "POST", authorization, body: chat({stream: true})});
    assert.ok(!stream.text.includes("data: [DONE]"));
    const dying = await rentWith("dies_mid_stream");
    await ready(dying);
    await assert.rejects(ask(dying.host, dying.port, "/v1/chat/completions", {
        method: "POST", authorization, body: chat({stream: true, max_tokens: 400}),
    }));
    for (const name of ["engine_never_healthy", "no_gpu"]) {
        const node = await rentWith(name);
        const health = await until("its front", async () => {
            try {
                return await ask(node.host, node.port, "/health");
            } catch {
                return null;
            }
        });
        assert.equal(health.status, 503, name);
    }
});
