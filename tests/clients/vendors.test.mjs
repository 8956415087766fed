// The vendors' own clients, unchanged, against the fake vendors: they list, create, get and delete.
import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import {createRequire} from "node:module";
import {dirname, join} from "node:path";
import Gradient from "@digitalocean/gradient";
import {Client} from "@modelcontextprotocol/sdk/client/index.js";
import {StdioClientTransport} from "@modelcontextprotocol/sdk/client/stdio.js";
import {createApiClient} from "dots-wrapper";
import {startFakeCloud, token} from "./fake_cloud.mjs";
import {until} from "./helpers.mjs";

let cloud;
before(async () => {
    cloud = await startFakeCloud();
});
after(async () => cloud?.stop());

const wish = {
    name: "ek-1a2b3c4d-01jd0000000000000000000002", region: "tor1", size: "gpu-h100x1-80gb",
    image: "gpu-h100x1-base", tags: ["evenkeel"],
};

async function gone(id) {
    await until("the machine's end", async () => {
        const {machines} = await cloud.inspect("/machines");
        return machines.some((one) => one.id === String(id) && !one.live);
    });
}

test("@digitalocean/gradient rents a GPU Droplet and gives it back", async () => {
    const client = new Gradient({
        baseURL: cloud.at.digitalocean.http, accessToken: token, maxRetries: 0,
    });
    const {sizes} = await client.gpuDroplets.sizes.list({per_page: 200});
    assert.equal(sizes.find((one) => one.slug === wish.size).price_hourly, 4.41);
    const {droplet} = await client.gpuDroplets.create(wish);
    assert.equal(droplet.name, wish.name);
    await until("an active Droplet", async () =>
        (await client.gpuDroplets.retrieve(droplet.id)).droplet.status === "active");
    const {droplets} = await client.gpuDroplets.list({type: "gpus"});
    assert.deepEqual(droplets.map((one) => one.id), [droplet.id]);
    await client.gpuDroplets.delete(droplet.id);
    await gone(droplet.id);
    await assert.rejects(client.gpuDroplets.retrieve(droplet.id), Gradient.NotFoundError);
});

test("@digitalocean/gradient reads refusals as its own errors", async () => {
    const client = new Gradient({
        baseURL: cloud.at.digitalocean.http, accessToken: "wrong", maxRetries: 0,
    });
    await assert.rejects(client.gpuDroplets.list({type: "gpus"}), Gradient.AuthenticationError);
    const right = new Gradient({
        baseURL: cloud.at.digitalocean.http, accessToken: token, maxRetries: 0,
    });
    await assert.rejects(right.gpuDroplets.create({...wish, region: "nyc1"}),
                         Gradient.UnprocessableEntityError);
});

test("dots-wrapper rents a GPU Droplet and gives it back", async () => {
    const client = createApiClient({token, endpoint: `${cloud.at.digitalocean.http}/v2`});
    const {data: {sizes}} = await client.size.listSizes({per_page: 200});
    assert.ok(sizes.some((one) => one.slug === wish.size));
    const {data: {droplet}} = await client.droplet.createDroplet(wish);
    const id = droplet.id;
    await until("an active Droplet", async () =>
        (await client.droplet.getDroplet({droplet_id: id})).data.droplet.status === "active");
    const all = await client.droplet.listDroplets({});
    assert.equal(all.data.droplets.length, 0, "GPU Droplets are in no list that does not ask");
    const tagged = await client.droplet.listDroplets({tag_name: "evenkeel"});
    assert.deepEqual(tagged.data.droplets.map((one) => one.id), [id]);
    await client.droplet.deleteDroplet({droplet_id: id});
    await gone(id);
});

test("@runpod/mcp-server rents a pod and gives it back", async () => {
    const main = createRequire(import.meta.url).resolve("@runpod/mcp-server/package.json");
    const transport = new StdioClientTransport({
        command: process.execPath,
        args: [join(dirname(main), "dist", "stdio.mjs")],
        env: {
            PATH: process.env.PATH ?? "", RUNPOD_API_KEY: token,
            RUNPOD_API_BASE_URL: cloud.at.runpod.http,
            RUNPOD_PUBLIC_GRAPHQL_URL: `${cloud.at.runpod.http}/graphql`,
            RUNPOD_AUTHED_GRAPHQL_URL: `${cloud.at.runpod.http}/graphql`,
        },
    });
    const client = new Client({name: "evenkeel-tests", version: "1"});
    await client.connect(transport);
    const use = async (name, args = {}) => {
        const answer = await client.callTool({name, arguments: args});
        assert.ok(!answer.isError, `${name}: ${answer.content[0].text}`);
        return answer.content[0].text === "" ? null : JSON.parse(answer.content[0].text);
    };
    try {
        const types = JSON.stringify(await use("list-gpu-types"));
        assert.match(types, /NVIDIA H100 80GB HBM3/);
        const made = await use("create-pod", {body: {
            name: wish.name, image: "vllm/vllm-openai:v0.11.0", ports: ["8443/tcp"],
            gpu: {id: "NVIDIA H100 80GB HBM3", count: 1},
        }});
        assert.equal(made.cost, 3.99);
        await until("a running pod", async () =>
            (await use("get-pod", {id: made.id})).status === "RUNNING");
        const {pods} = await use("list-pods");
        assert.deepEqual(pods.map((one) => one.id), [made.id]);
        const bill = await use("list-pod-billing", {bucketSize: "hour"});
        assert.equal(bill.records[0].podId, made.id);
        await use("delete-pod", {id: made.id});
        await gone(made.id);
    } finally {
        await client.close();
    }
});

test("no client made two machines, and none is left", async () => {
    const summary = await cloud.inspect("/summary");
    for (const vendor of ["digitalocean", "runpod", "lambda"]) {
        assert.equal(summary.vendors[vendor].live, 0, vendor);
    }
});
