// Real daemons for the browser: a quiet one that nobody has asked anything, and the demo, which rents
// a synthetic machine and gives it back. Loopback only; everything started here is stopped here.
import {execFile, execFileSync, spawn} from "node:child_process";
import {once} from "node:events";
import {existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {promisify} from "node:util";
import {freePort, until} from "../clients/helpers.mjs";

export const program = process.env.EVENKEEL_BIN;
if (!program || !existsSync(program)) {
    throw new Error("EVENKEEL_BIN must name the evenkeel binary, for example build/dev/evenkeel");
}
const run = promisify(execFile);

const answers = async (url) => {
    try {
        return (await fetch(url)).ok;
    } catch {
        return false;
    }
};

/// What both have: the command line on the same folders, and the page's address.
class Daemon {
    constructor(folder, admin) {
        this.folder = folder;
        this.where = ["--config", join(folder, "config"), "--state", join(folder, "state")];
        this.url = `http://127.0.0.1:${admin}`;
    }

    async json(...args) {
        const {stdout} = await run(program, [...args, "--json", ...this.where],
            {maxBuffer: 64 << 20});
        return JSON.parse(stdout);
    }
}

/// A daemon that nobody has asked anything: an own engine that is not there, APIs that nobody calls,
/// sellers of machines (each a synthetic cloud with one kind of machine), and own hardware with a price,
/// so that there is something to compare.
export async function start_quiet(sellers = SELLERS) {
    const folder = mkdtempSync(join(tmpdir(), "evenkeel-browser-"));
    const clouds = [];
    const end = async (child) => {
        if (child.exitCode === null && child.signalCode === null) {
            child.kill("SIGCONT");
            child.kill("SIGTERM");
            await once(child, "exit");
        }
    };
    try {
        const [api, admin, nobody] = [await freePort(), await freePort(), await freePort()];
        const secrets = join(folder, "config/credentials");
        mkdirSync(secrets, {recursive: true, mode: 0o700});
        const secret = (name) => writeFileSync(join(secrets, name), "not-a-key\n", {mode: 0o600});
        secret("hosted.key");
        for (const seller of sellers) {
            secret(`${seller.name}.token`);
            const port_file = join(folder, `${seller.name}.port`);
            clouds.push(spawn(program, ["cloud", "--state", join(folder, seller.name),
                "--token-file", join(secrets, `${seller.name}.token`), "--port-file", port_file,
                "--price", seller.price, "--sku", seller.sku, "--gpu", `${seller.gpu} (synthetic)`],
                {stdio: "ignore"}));
            seller.port = await until(seller.name, () =>
                existsSync(port_file) && Number(readFileSync(port_file, "utf8")), 30_000);
        }
        for (const [name, text] of Object.entries(quiet_files({api, admin, nobody, sellers}))) {
            writeFileSync(join(folder, "config", name), `version: 1\n${text}`);
        }
        const daemon = new Daemon(folder, admin);
        daemon.api = `http://127.0.0.1:${api}`;
        const child = spawn(program, ["serve", ...daemon.where], {stdio: ["ignore", "ignore", "pipe"]});
        let log = "";
        child.stderr.on("data", (chunk) => { log = (log + chunk).slice(-8_000); });
        daemon.pid = child.pid;
        daemon.stop = async () => {
            await end(child);
            await Promise.all(clouds.map(end));
            rmSync(folder, {recursive: true, force: true});
        };
        await until("the quiet daemon", async () => {
            if (child.exitCode !== null) {
                throw new Error(`the daemon ended with ${child.exitCode}:\n${log}`);
            }
            return answers(`${daemon.url}/readyz`);
        }, 30_000);
        return daemon;
    } catch (error) {
        await Promise.all(clouds.map(end));
        throw error;
    }
}

const SELLERS = [{name: "city", sku: "h100-pcie", gpu: "H100 PCIe", price: "2.89 USD/h"}];

function quiet_files({api, admin, nobody, sellers}) {
    const today = new Date().toISOString().slice(0, 10);
    const each = (text) => sellers.map(text).join("");
    return {
        "evenkeel.yaml": `
listen: {api: "127.0.0.1:${api}", admin: "127.0.0.1:${admin}"}
currency: {report: AUD, rates: {USD: {rate: 1.4235, as_of: ${today}}}}
report_zone: UTC
energy: {tariff: [{price: 0.33 AUD/kWh}]}
hardware:
  - {name: desk, gpus: [0], bought: 2025-12-01, price: 8300 AUD, residual: 0,
     power: {busy: 725 W, idle: 90 W}}
`,
        "providers.yaml": `
providers:
  desk-llama: {kind: local, hardware: desk, engine: llama.cpp, url: "http://127.0.0.1:${nobody}"}
  hosted: {kind: openai-compatible, credential: hosted.key, url: "http://127.0.0.1:${nobody}/v1"}
${each((one) => `  ${one.name}: {kind: sandbox, credential: ${one.name}.token, max_machines: 1,
    base_url: "http://127.0.0.1:${one.port}", synthetic: true}
`)}`,
        "models.yaml": `
models:
  qwq-32b:
    context: 32k
    offers:
      - {on: desk-llama, slots: 4}
${each((one) => `      - {on: ${one.name}, gpu: ${one.sku}, slots: 16, price: ${one.price}, seen: ${today}}
`)}      - {on: hosted, model: qwq-32b, price: {in: 0.256 USD/Mtok, out: 0.305 USD/Mtok},
         seen: ${today}}
  opus:
    offers:
      - {name: hosted-opus, on: hosted, model: opus, price: {in: 4 USD/Mtok, out: 20 USD/Mtok},
         seen: ${today}}
`,
        "policy.yaml": `
routes:
  - {name: default, match: {}, use: [qwq-32b], max_wait: 5s}
budgets:
  - {name: all, limit: 400 AUD, per: month, at: {"100%": refuse}}
`,
    };
}

/// The demo, as soon as its daemon answers; `ended` is fulfilled when its story is told and its books
/// are compared. The daemon stays until `stop`.
export async function start_demo(window) {
    const folder = join(mkdtempSync(join(tmpdir(), "evenkeel-browser-")), "demo");
    const child = spawn(program,
        ["demo", "--keep", "--plain", "--window", window, "--state", folder],
        {stdio: ["ignore", "pipe", "pipe"]});
    let text = "";
    child.stdout.on("data", (chunk) => { text += chunk; });
    child.stderr.on("data", (chunk) => { text += chunk; });
    const ended = once(child, "exit").then(([code]) => {
        if (code !== 0) {
            throw new Error(`the demo ended with ${code}:\n${text.slice(-4_000)}`);
        }
        return text;
    });
    ended.catch(() => {});
    const file = join(folder, "config/evenkeel.yaml");
    const admin = await until("the demo's configuration", () => existsSync(file)
        && /admin: "127\.0\.0\.1:(\d+)"/.exec(readFileSync(file, "utf8"))?.[1], 30_000);
    const daemon = new Daemon(folder, admin);
    await until("the demo's daemon", () => answers(`${daemon.url}/healthz`), 30_000);
    daemon.ended = ended;
    daemon.stop = async () => {
        if (child.exitCode === null) {
            child.kill("SIGTERM");
            await ended.catch(() => {});
        }
        execFileSync(program, ["demo", "--stop", folder], {stdio: "ignore"});
        rmSync(join(folder, ".."), {recursive: true, force: true});
    };
    return daemon;
}
