// Prism with the vendors' official descriptions between a client and the fake: it finds nothing on
// either side, and it does find what is broken on purpose.
import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import {startFakeCloud, token} from "./fake_cloud.mjs";
import {until} from "./helpers.mjs";

let cloud;
let base;
const headers = {
    Authorization: `Bearer ${token}`,
    "Content-Type": "application/json",
    "User-Agent": "evenkeel-tests/1",
};

async function call(vendor, method, path, body) {
    const answer = await fetch(base[vendor] + path,
                               {method, headers, body: body && JSON.stringify(body)});
    const text = await answer.text();
    assert.ok(!text.includes("stoplight.io/prism"), `${method} ${path}: ${text}`);
    return {status: answer.status, body: text === "" ? null : JSON.parse(text)};
}

async function good(vendor, path) {
    const answer = await call(vendor, "GET", path);
    assert.equal(answer.status, 200, `${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
}

before(async () => {
    cloud = await startFakeCloud();
    const [digitalocean, runpod] = await Promise.all([
        cloud.startPrism("digitalocean", "digitalocean.openapi.json"),
        cloud.startPrism("runpod", "runpod-v2-apache.openapi.json"),
    ]);
    base = {digitalocean, runpod};
});
after(async () => cloud?.stop());

const droplet = {
    name: "ek-1a2b3c4d-01jd0000000000000000000001", region: "tor1", size: "gpu-h100x1-80gb",
    image: "gpu-h100x1-base", tags: ["evenkeel", "ek-1a2b3c4d"], ssh_keys: [512190],
    user_data: "#cloud-config\n", monitoring: false, ipv6: false, with_droplet_agent: false,
};
const pod = {
    name: "ek-1a2b3c4d-01jd0000000000000000000001", image: "vllm/vllm-openai:v0.11.0",
    cloud: "SECURE", gpu: {id: "NVIDIA H100 80GB HBM3", count: 1}, dataCenterIds: ["US-KS-2"],
    disk: 120, ports: ["8443/tcp"], args: "--model x", env: {A: "b"},
    mounts: {network: [{volumeId: "agv6w2qcg7", path: "/models"}]},
};

test("DigitalOcean: what is for sale, and the account", async () => {
    for (const path of ["/v2/account", "/v2/sizes", "/v2/sizes?per_page=200&page=1", "/v2/regions",
                        "/v2/images", "/v2/account/keys", "/v2/customers/my/balance",
                        "/v2/customers/my/invoices", "/v2/customers/my/invoices/preview",
                        "/v2/tags", "/v2/firewalls", "/v2/volumes", "/v2/snapshots"]) {
        await good("digitalocean", path);
    }
});

test("DigitalOcean: a GPU Droplet is created, listed, shown and deleted", async () => {
    const made = await call("digitalocean", "POST", "/v2/droplets", droplet);
    assert.equal(made.status, 202);
    const {id} = made.body.droplet;
    await good("digitalocean", `/v2/actions/${made.body.links.actions[0].id}`);
    const shown = await until("an active Droplet", async () => {
        const {droplet: now} = await good("digitalocean", `/v2/droplets/${id}`);
        return now.status === "active" && now;
    });
    assert.equal(shown.networks.v4.filter((one) => one.type === "public").length, 1);
    for (const query of ["?type=gpus&per_page=200", "?tag_name=ek-1a2b3c4d",
                         `?type=gpus&name=${droplet.name}`]) {
        const list = await good("digitalocean", `/v2/droplets${query}`);
        assert.deepEqual(list.droplets.map((one) => one.id), [id], query);
    }
    assert.equal((await good("digitalocean", "/v2/droplets")).droplets.length, 0);
    assert.equal((await call("digitalocean", "DELETE", `/v2/droplets/${id}`)).status, 204);
    await until("its end", async () =>
        (await call("digitalocean", "GET", `/v2/droplets/${id}`)).status === 404);
    const bill = await good("digitalocean", "/v2/customers/my/invoices/preview");
    assert.equal(bill.invoice_items[0].resource_id, String(id));
});

test("DigitalOcean: tags, keys and firewalls", async () => {
    const tag = await call("digitalocean", "POST", "/v2/tags", {name: "ek-1a2b3c4d"});
    assert.equal(tag.status, 201);
    const key = await call("digitalocean", "POST", "/v2/account/keys",
                           {name: "k", public_key: "ssh-ed25519 AAAAC3Nz k"});
    assert.equal(key.status, 201);
    const wall = await call("digitalocean", "POST", "/v2/firewalls", {
        name: "ek-1a2b3c4d", tags: ["ek-1a2b3c4d"],
        inbound_rules: [{protocol: "tcp", ports: "8443",
                         sources: {addresses: ["203.0.113.5"]}}],
        outbound_rules: [{protocol: "tcp", ports: "all",
                          destinations: {addresses: ["0.0.0.0/0"]}}],
    });
    assert.equal(wall.status, 202);
    await good("digitalocean", `/v2/firewalls/${wall.body.firewall.id}`);
});

test("RunPod: catalogue, volumes and bills", async () => {
    for (const path of ["/v2/catalog/gpus",
                        "/v2/catalog/gpus?include=AVAILABILITY&product=POD&count=1&cloud=SECURE",
                        "/v2/catalog/gpus/NVIDIA%20H200?include=AVAILABILITY",
                        "/v2/catalog/datacenters?include=GPU_AVAILABILITY",
                        "/v2/network-volumes", "/v2/network-volumes/agv6w2qcg7",
                        "/v2/billing?bucketSize=day&lastN=2", "/v2/billing/pods?bucketSize=hour"]) {
        await good("runpod", path);
    }
});

test("RunPod: a pod is created, listed, shown, stopped and deleted", async () => {
    const made = await call("runpod", "POST", "/v2/pods", pod);
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const {id} = made.body;
    await until("a running pod", async () =>
        (await good("runpod", `/v2/pods/${id}`)).status === "RUNNING");
    assert.deepEqual((await good("runpod", "/v2/pods")).pods.map((one) => one.id), [id]);
    const bill = await good("runpod", "/v2/billing/pods?bucketSize=hour&lastN=2");
    assert.equal(bill.records[0].podId, id);
    const stopped = await call("runpod", "POST", `/v2/pods/${id}/action`, {action: "stop"});
    assert.equal(stopped.body.status, "EXITED");
    assert.equal((await call("runpod", "DELETE", `/v2/pods/${id}`)).status, 204);
    await until("its end", async () =>
        (await call("runpod", "GET", `/v2/pods/${id}`)).status === 404);
});

test("what the fake refuses, it refuses by the descriptions", async () => {
    const refusals = [
        ["digitalocean", "GET", "/v2/droplets/1", undefined, 404],
        ["digitalocean", "POST", "/v2/droplets", {...droplet, image: "none"}, 422],
        ["digitalocean", "POST", "/v2/droplets", {...droplet, region: "nyc1"}, 422],
        ["runpod", "GET", "/v2/pods/none", undefined, 404],
        ["runpod", "POST", "/v2/pods", {...pod, bogus: 1}, 422],
        ["runpod", "POST", "/v2/pods", {...pod, gpu: {id: "none"}}, 400],
    ];
    for (const [vendor, method, path, body, status] of refusals) {
        const answer = await call(vendor, method, path, body);
        assert.equal(answer.status, status, `${path}: ${JSON.stringify(answer.body)}`);
    }
    for (const vendor of ["digitalocean", "runpod"]) {
        const faults = [["auth_revoked", 401], ["storm_429", 429], ["flapping", 500]];
        for (const [name, status] of faults) {
            await cloud.turn("/personalities", {vendor, on: [{name, times: 1, value: 100}]});
            const path = vendor === "runpod" ? "/v2/pods" : "/v2/droplets?type=gpus";
            assert.equal((await call(vendor, "GET", path)).status, status, name);
            await cloud.turn("/personalities", {vendor, off: ["*"]});
        }
    }
});

test("prism does find what is broken, on both sides", async () => {
    const wrong = await fetch(`${base.digitalocean}/v2/droplets`,
                              {method: "POST", headers, body: JSON.stringify({name: "x"})});
    assert.equal(wrong.status, 422);
    assert.match(await wrong.text(), /stoplight\.io\/prism/);
    for (const [vendor, path, body] of [["digitalocean", "/v2/droplets", droplet],
                                        ["runpod", "/v2/pods", pod]]) {
        const made = await call(vendor, "POST", path, body);
        const id = made.body.droplet?.id ?? made.body.id;
        for (const name of ["missing_field", "unknown_status"]) {
            await cloud.turn("/personalities", {vendor, on: [{name}]});
            const answer = await fetch(`${base[vendor]}${path}/${id}`, {headers});
            const text = await answer.text();
            assert.equal(answer.status, 500, `${vendor} ${name}: ${text}`);
            assert.match(text, /stoplight\.io\/prism/);
            await cloud.turn("/personalities", {vendor, off: ["*"]});
        }
    }
});
