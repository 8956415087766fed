// Documents of the daemon. `useDocument` reads one, keeps what it had while it reads anew, and says
// how far it can be believed: loading, busy (slow or told so), failed, or fresh at a time.
import {useCallback, useEffect, useRef, useState} from "./h.js";

const PATIENCE_MS = 20_000;
const BUSY_AFTER_MS = 3_000;
/// After the daemon said that it has too much to do.
const BUSY_AGAIN_MS = 2_000;

export class Refusal extends Error {
    constructor(code, message, status) {
        super(message);
        this.code = code;
        this.status = status;
    }
}

async function answer_of(response) {
    const text = await response.text();
    let document = null;
    try {
        document = JSON.parse(text);
    } catch {
        throw new Refusal("not_json", `the daemon answered ${response.status} without a document`,
                          response.status);
    }
    if (!response.ok || document.error) {
        const {code, message} = document.error ?? {};
        throw new Refusal(code ?? "error", message ?? `status ${response.status}`, response.status);
    }
    return document;
}

const ask = (path, signal) => fetch(path, {signal, headers: {accept: "application/json"}});

export const read = async (path, signal) => answer_of(await ask(path, signal));

/// The document, and what the daemon's clock was when it answered: milliseconds, or null.
export async function read_dated(path, signal) {
    const response = await ask(path, signal);
    const date = Date.parse(response.headers.get("date") ?? "");
    return {document: await answer_of(response), date: Number.isNaN(date) ? null : date};
}

export async function post(path, body) {
    return answer_of(await fetch(path, {
        method: "POST",
        headers: {"content-type": "application/json", "x-evenkeel-page": "1"},
        body: JSON.stringify(body),
    }));
}

/// A path with the parts of its query that have a value.
export function path_with(path, query) {
    const parts = Object.entries(query).filter(([, value]) => value !== "" && value != null)
        .map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    return parts.length ? `${path}?${parts.join("&")}` : path;
}

const NOTHING = {document: null, error: null, loading: true, busy: false, at: 0};

/// `path` null: nothing is read. `every_ms`: read again that often while the page is seen.
export function useDocument(path, every_ms = 30_000) {
    const [state, setState] = useState(NOTHING);
    const turn = useRef(0);
    const load = useCallback(async (fresh, controller) => {
        const mine = ++turn.current;
        const set = (more) => mine === turn.current && !controller.signal.aborted &&
            setState((old) => ({...old, ...more}));
        if (fresh) {
            setState(NOTHING);
        }
        const slow = setTimeout(() => set({busy: true}), BUSY_AFTER_MS);
        const limit = setTimeout(() => {
            set({error: new Refusal("timeout", `no answer in ${PATIENCE_MS / 1000} s`),
                loading: false});
            controller.abort();
        }, PATIENCE_MS);
        try {
            const document = await read(path, controller.signal);
            set({document, error: null, loading: false, busy: false, at: Date.now()});
        } catch (error) {
            const busy = error.status === 503 || error.status === 429;
            set({error: busy ? null : error, loading: busy, busy});
            if (busy) {
                setTimeout(() => mine === turn.current && !controller.signal.aborted &&
                    load(false, controller), BUSY_AGAIN_MS);
            }
        } finally {
            clearTimeout(slow);
            clearTimeout(limit);
        }
    }, [path]);
    const current = useRef(null);
    const reload = useCallback((fresh = false) => {
        current.current?.abort();
        if (path !== null) {
            current.current = new AbortController();
            load(fresh, current.current);
        }
    }, [load, path]);
    useEffect(() => {
        reload(true);
        const timer = setInterval(() => document.visibilityState === "visible" && reload(),
            every_ms);
        return () => {
            clearInterval(timer);
            current.current?.abort();
        };
    }, [reload, every_ms]);
    return {...state, reload};
}
