// A stand-in for the daemon's admin listener: serves the page's folder with the daemon's own content
// security policy, and documents that a test hands in. It is no daemon and proves nothing of one; it
// is for what a real one cannot be brought to say (hostile names, errors of every kind, silence).
import {createServer} from "node:http";
import {createHash} from "node:crypto";
import {readFileSync, readdirSync, statSync} from "node:fs";
import {dirname, extname, join} from "node:path";
import {fileURLToPath} from "node:url";
import {once} from "node:events";

const web = join(dirname(fileURLToPath(import.meta.url)), "../../agent/web");
const types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml",
    ".html": "text/html"};
export const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

function files(folder, at = "") {
    return readdirSync(join(folder, at)).sort().flatMap((name) => {
        const path = at ? `${at}/${name}` : name;
        return statSync(join(folder, path)).isDirectory() ? files(folder, path) : [path];
    });
}

/// As the build does: one hash over all names and contents.
function hash_of_all() {
    const hash = createHash("sha256");
    for (const path of files(web).filter((name) => types[extname(name)])) {
        hash.update(path).update("\0").update(readFileSync(join(web, path)));
    }
    return hash.digest("hex").slice(0, 8);
}

export class StandIn {
    /// documents: {"/api/status": object | (query) => object}. A value {status, error} is an error.
    /// `silent`: takes every question and answers none, like a daemon that was stopped in its tracks.
    constructor(documents) {
        this.documents = documents;
        this.asked = [];
        this.silent = false;
        this.held = new Map();
        this.refuse_live = false;
        this.streams = new Set();
        this.hash = hash_of_all();
    }

    async start(port = 0) {
        this.server = createServer((request, response) => this.#answer(request, response));
        this.server.listen(port, "127.0.0.1");
        await once(this.server, "listening");
        this.url = `http://127.0.0.1:${this.server.address().port}`;
        this.timer = setInterval(() => this.push(), 1_000);
        return this;
    }

    async stop() {
        clearInterval(this.timer);
        for (const stream of this.streams) {
            stream.destroy();
        }
        this.server.closeAllConnections();
        this.server.close();
        await once(this.server, "close");
    }

    /// Sends the documents as they are now to all who listen, unless silent.
    push() {
        if (!this.silent) {
            for (const stream of this.streams) {
                this.#send(stream);
            }
        }
    }

    /// From now on the document is slow: it comes when what this returns is called.
    hold(path) {
        const answers = [];
        this.held.set(path, answers);
        return () => {
            this.held.delete(path);
            answers.forEach((answer) => answer());
        };
    }

    #document(path, query = {}) {
        const found = this.documents[path];
        return typeof found === "function" ? found(query) : found;
    }

    #send(stream) {
        for (const name of ["status", "nodes"]) {
            const document = this.#document(`/api/${name}`);
            if (document && !document.error) {
                stream.write(`event: ${name}\ndata: ${JSON.stringify(document)}\n\n`);
            }
        }
    }

    #answer(request, response) {
        const url = new URL(request.url, "http://127.0.0.1");
        const head = {"content-security-policy": csp, "x-content-type-options": "nosniff",
                      "referrer-policy": "no-referrer"};
        this.asked.push(request.url);
        if (this.silent && url.pathname.includes("/api/")) {
            return;
        }
        if (url.pathname === "/ui/api/live" && !this.refuse_live) {
            response.writeHead(200,
                {...head, "content-type": "text/event-stream", "cache-control": "no-store"});
            response.write("retry: 2000\n\n");
            this.streams.add(response);
            request.on("close", () => this.streams.delete(response));
            this.#send(response);
            return;
        }
        if (url.pathname === "/" || url.pathname === "/ui/") {
            response.writeHead(200,
                {...head, "content-type": "text/html; charset=utf-8", "cache-control": "no-cache"});
            response.end(readFileSync(join(web, "page/index.html"), "utf8")
                .replaceAll("@HASH@", this.hash));
            return;
        }
        const asset = /^\/ui\/assets\/([0-9a-f]{8})\/((?:page|vendor)\/[\w/.-]+)$/.exec(
            url.pathname);
        if (asset && asset[1] === this.hash && !asset[2].includes("..")
            && types[extname(asset[2])]) {
            try {
                const body = readFileSync(join(web, asset[2]));
                response.writeHead(200, {...head, "content-type": types[extname(asset[2])],
                                         "cache-control": "public, max-age=31536000, immutable"});
                response.end(body);
                return;
            } catch { /* falls through to 404 */ }
        }
        if (this.held.has(url.pathname)) {
            this.held.get(url.pathname).push(() => this.#say(url, head, response));
            return;
        }
        this.#say(url, head, response);
    }

    #say(url, head, response) {
        const document = this.#document(url.pathname, Object.fromEntries(url.searchParams));
        const status = document ? (document.error ? document.status ?? 500 : 200) : 404;
        const body = document ?? {error: {code: "not_found", message: "no such page"}};
        response.writeHead(status,
            {...head, "content-type": "application/json", "cache-control": "no-store"});
        response.end(JSON.stringify(document?.error ? {error: document.error} : body));
    }
}
