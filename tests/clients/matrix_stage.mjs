// The daemon between the SDKs, one scripted upstream of each kind, and a real engine.
import {execFileSync} from "node:child_process";
import {once} from "node:events";
import {existsSync, mkdirSync, openSync, readFileSync, writeFileSync} from "node:fs";
import {createServer, request} from "node:http";
import {join} from "node:path";
import {Stage, freePort, until} from "./helpers.mjs";
import {llamaProvider, missing, watchSlots, writeLlama} from "./llama_engine.mjs";
import {startUpstream} from "./upstream.mjs";

const program = process.env.EVENKEEL_BIN;
if (!program || !existsSync(program)) {
    throw new Error("EVENKEEL_BIN must name the evenkeel binary, for example build/dev/evenkeel");
}

/// What can stand behind the gateway, scripted: W an own worker that speaks OpenAI's dialect, O an
/// OpenAI-compatible API, A Anthropic's API. Beside them L, a llama-server that the daemon starts.
export const kinds = ["W", "O", "A"];
const names = {W: "worker", O: "api", A: "claude", L: "llama"};
/// Models of a source of their own: a source that fails is avoided for a while.
const spares = 16;
const sellerKey = "sk-of-the-gateway-only";

/// Passes everything on to `target` and counts what came to each path.
async function startDoor(target) {
    const hits = new Map();
    const server = createServer((asked, reply) => {
        const tag = asked.headers["x-case"] ?? asked.url;
        hits.set(tag, (hits.get(tag) ?? 0) + 1);
        const onward = request(target + asked.url, {method: asked.method, headers: asked.headers},
                               (answer) => {
            reply.writeHead(answer.statusCode, answer.rawHeaders);
            answer.pipe(reply);
        });
        onward.on("error", () => reply.destroy());
        asked.pipe(onward);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return {
        root: `http://127.0.0.1:${server.address().port}`,
        hits: (tag) => hits.get(tag) ?? 0,
        stop() {
            server.close();
            server.closeAllConnections();
        },
    };
}

function configure(folder, ports, urls) {
    const config = join(folder, "config");
    mkdirSync(join(config, "credentials"), {recursive: true, mode: 0o700});
    writeFileSync(join(config, "credentials", "seller.key"), `${sellerKey}\n`, {mode: 0o600});
    const providers = [];
    const models = [];
    const use = [];
    const today = new Date().toISOString().slice(0, 10);
    const price = `price: {in: 2 USD/Mtok, out: 10 USD/Mtok}, seen: ${today}`;
    if (!missing) {
        const file = join(folder, "llama.gguf");
        writeLlama(file);
        providers.push(llamaProvider({provider: "at-llama", model: "llama", file,
                                      port: ports.llama}));
        models.push("  llama: {context: 4k, offers: [{on: at-llama, slots: 4}]}");
        use.push("  - {name: llama, match: {model: [llama]}, use: [llama], max_wait: 30s}");
    }
    for (const kind of kinds) {
        for (const name of [names[kind], ...Array.from({length: spares},
                                                       (_, at) => `${names[kind]}-${at}`)]) {
            const [head, terms] = {
                W: [`kind: local, engine: openai, url: "${urls.W}"`, "slots: 16"],
                O: [`kind: openai-compatible, url: "${urls.O}/v1"`, price],
                A: [`kind: anthropic, base_url: "${urls.A}"`, price],
            }[kind];
            providers.push(`  at-${name}: {${head}, credential: seller.key, synthetic: true}`);
            models.push(`  ${name}: {context: 200k, offers: [{on: at-${name}, ${terms}}]}`);
            use.push(`  - {name: ${name}, match: {model: [${name}]}, use: [${name}], ` +
                "max_wait: 5s}");
        }
    }
    const files = {
        evenkeel: `listen: {api: "127.0.0.1:${ports.api}", admin: "127.0.0.1:${ports.admin}"}\n` +
            "currency: {report: USD}\nreport_zone: UTC\n" +
            "hardware: [{name: box, gpus: [0], vram: 10 GiB}]",
        providers: `providers:\n${providers.join("\n")}`,
        models: `models:\n${models.join("\n")}`,
        policy: `routes:\n${use.join("\n")}`,
    };
    for (const [name, text] of Object.entries(files)) {
        writeFileSync(join(config, `${name}.yaml`), `version: 1\n${text}\n`);
    }
    return config;
}

export async function startMatrixStage() {
    const stage = new Stage();
    const servers = [];
    const stop = async () => {
        await stage.stop();
        servers.forEach((server) => server.stop());
    };
    try {
        const upstream = await startUpstream(sellerKey);
        servers.push(upstream);
        const api = await startUpstream(sellerKey, "reasoning");
        servers.push(api);
        const ports = {api: await freePort(), admin: await freePort(), llama: await freePort()};
        const config = configure(stage.folder, ports,
                                 {W: upstream.url, O: api.url, A: upstream.url});
        const folders = ["--config", config, "--state", join(stage.folder, "state")];
        const made = execFileSync(program, ["keys", "create", "sdk", "--json", ...folders],
                                  {encoding: "utf8", stdio: ["ignore", "pipe", "ignore"]});
        // One line for each of the sources would drown the tests' own.
        const logFile = join(stage.folder, "daemon.log");
        const log = openSync(logFile, "w");
        stage.start(program, ["serve", ...folders], {stdio: ["ignore", "ignore", log]});
        await until("the daemon and its workers", async () => {
            try {
                const at = `http://127.0.0.1:${ports.admin}`;
                const {sources} = await (await fetch(`${at}/api/status`)).json();
                const llama = sources.find((source) => source.name === "at-llama");
                return (await fetch(`${at}/readyz`)).ok && sources.length > spares &&
                    (missing || llama?.state === "serving");
            } catch {
                return false;
            }
        }, 60_000).catch((error) => {
            const lines = readFileSync(logFile, "utf8").trim().split("\n");
            throw new Error(`${error.message}\n${lines.slice(-30).join("\n")}`);
        });
        const door = await startDoor(`http://127.0.0.1:${ports.api}`);
        servers.push(door);
        const engine = watchSlots(`http://127.0.0.1:${ports.llama}`);
        servers.push(engine);
        const witnesses = [upstream, api, engine];
        let spare = 0;
        let id = 0;
        return {
            root: `http://127.0.0.1:${ports.api}`,
            key: JSON.parse(made).key,
            door,
            model: (kind) => names[kind],
            spare(kind) {
                if (spare === spares * kinds.length) {
                    throw new Error("no spare source is left: raise `spares`");
                }
                return `${names[kind]}-${Math.floor(spare++ / kinds.length)}`;
            },
            newId: () => `c${++id}`,
            requests: (case_id) => witnesses.map((one) => one.requests(case_id))
                .reduce((sum, count) => sum + count),
            aborted: (case_id) => Math.max(...witnesses.map((one) => one.aborted(case_id))),
            stop,
        };
    } catch (error) {
        await stop();
        throw error;
    }
}
