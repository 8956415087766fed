// What every stage needs: waiting, ports, and children that are gone when the stage is.
import {spawn} from "node:child_process";
import {once} from "node:events";
import {mkdtempSync, rmSync} from "node:fs";
import {createServer} from "node:net";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {fileURLToPath} from "node:url";

/// The interpreter with the packages of requirements.txt.
export const python = fileURLToPath(
    new URL("../../build/clients-venv/bin/python", import.meta.url));

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(what, holds, limit = 15_000) {
    const deadline = Date.now() + limit;
    for (;;) {
        const value = await holds();
        if (value) {
            return value;
        }
        if (Date.now() > deadline) {
            throw new Error(`${what}: not within ${limit} ms`);
        }
        await pause(20);
    }
}

const given = new Set();

/// A port that nobody listens at and that nobody here was given before, below those that the kernel
/// gives to outgoing connections: one of them could take it before who asked listens there.
export async function freePort() {
    for (;;) {
        const port = 12_000 + Math.floor(Math.random() * 20_000);
        if (given.has(port)) {
            continue;
        }
        given.add(port);
        const server = createServer();
        const free = await new Promise((resolve) => {
            server.once("error", () => resolve(false));
            server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
        });
        if (free) {
            return port;
        }
    }
}

/// A temporary folder and the children that work in it.
export class Stage {
    folder = mkdtempSync(join(tmpdir(), "evenkeel-clients-"));
    #children = [];

    start(program, args, options = {}) {
        const child =
            spawn(program, args, {stdio: ["ignore", "ignore", "inherit"], ...options});
        this.#children.push(child);
        return child;
    }

    async stop() {
        for (const child of this.#children.reverse()) {
            if (child.exitCode === null && child.signalCode === null) {
                const ended = once(child, "exit");
                child.kill("SIGTERM");
                await ended;
            }
        }
        rmSync(this.folder, {recursive: true, force: true});
    }
}
