// Real daemons for the browser: a quiet one that nobody has asked anything, and the demo, which rents
// a synthetic machine and gives it back. Loopback only; everything started here is stopped here.
import {execFile, execFileSync, spawn} from "node:child_process";
import {once} from "node:events";
import {existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {createServer} from "node:net";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {promisify} from "node:util";
import {until} from "./waiting.mjs";

export const program = process.env.EVENKEEL_BIN;
if (!program || !existsSync(program)) {
    throw new Error("EVENKEEL_BIN must name the evenkeel binary, for example build/dev/evenkeel");
}
const run = promisify(execFile);
async function free_port() {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const {port} = server.address();
    server.close();
    await once(server, "close");
    return port;
}

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

/// A daemon with one own source that is not there, an API that nobody calls, and a machine with a price,
/// so that there is something to compare. No request has come.
export async function start_quiet() {
    const folder = mkdtempSync(join(tmpdir(), "evenkeel-browser-"));
    const [api, admin, nobody] = [await free_port(), await free_port(), await free_port()];
    const config = join(folder, "config");
    mkdirSync(config);
    const write = (name, text) => writeFileSync(join(config, name), `version: 1\n${text}`);
    write("evenkeel.yaml",
        `listen: {api: "127.0.0.1:${api}", admin: "127.0.0.1:${admin}"}\ncurrency: {report: AUD, rates: {USD: {rate: 1.4235, as_of: 2026-06-30}}}\nreport_zone: UTC\n` +
        "energy: {tariff: [{price: 0.33 AUD/kWh}]}\nhardware:\n  - {name: desk, gpus: [0], bought: 2025-12-01, price: 8300 AUD, residual: 0, power: {busy: 725 W, idle: 90 W}}\n");
    write("providers.yaml",
        `providers:\n  desk-llama: {kind: local, hardware: desk, engine: llama.cpp, url: "http://127.0.0.1:${nobody}"}\n  hosted: {kind: openai-compatible, credential: hosted.key, url: "http://127.0.0.1:${nobody}/v1"}\n`);
    mkdirSync(join(config, "credentials"), {mode: 0o700});
    writeFileSync(join(config, "credentials/hosted.key"), "not-a-key\n", {mode: 0o600});
    write("models.yaml", "models:\n  qwq-32b:\n    context: 32k\n    offers:\n      - {on: desk-llama, slots: 4}\n      - {on: hosted, model: qwq-32b, price: {in: 0.40 USD/Mtok, out: 0.60 USD/Mtok}, seen: 2026-07-02}\n" +
        "  opus:\n    offers:\n      - {name: hosted-opus, on: hosted, model: opus, price: {in: 4 USD/Mtok, out: 20 USD/Mtok}, seen: 2026-09-23}\n");
    write("policy.yaml", "routes:\n  - {name: default, match: {}, use: [qwq-32b], max_wait: 5s}\nbudgets:\n  - {name: all, limit: 400 AUD, per: month, at: {\"100%\": refuse}}\n");
    const daemon = new Daemon(folder, admin);
    daemon.api = `http://127.0.0.1:${api}`;
    const child = spawn(program, ["serve", ...daemon.where], {stdio: ["ignore", "ignore", "pipe"]});
    let log = "";
    child.stderr.on("data", (chunk) => { log = (log + chunk).slice(-8_000); });
    await until("the quiet daemon", async () => {
        if (child.exitCode !== null) {
            throw new Error(`the daemon ended with ${child.exitCode}:\n${log}`);
        }
        return answers(`${daemon.url}/readyz`);
    });
    daemon.pid = child.pid;
    daemon.stop = async () => {
        child.kill("SIGCONT");
        if (child.exitCode === null) {
            child.kill("SIGTERM");
            await once(child, "exit");
        }
        rmSync(folder, {recursive: true, force: true});
    };
    return daemon;
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
        && /admin: "127\.0\.0\.1:(\d+)"/.exec(readFileSync(file, "utf8"))?.[1]);
    const daemon = new Daemon(folder, admin);
    await until("the demo's daemon", () => answers(`${daemon.url}/healthz`));
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
