// Documents of the daemon. `useDocument` reads one, keeps what it had while it reads anew, and says
// how far it can be believed: loading, busy (slow or told so), failed, or fresh at a time.
import {useCallback, useEffect, useRef, useState} from "./h.js";
import {moment, seconds_since} from "./time.js";

/// Longer than the daemon itself works on one document, so that it says why there is none.
const PATIENCE_MS = 65_000;
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

/// A browser's own words for a listener that is not there ("Failed to fetch") help nobody.
async function ask(path, signal) {
    try {
        return await fetch(path, {signal, headers: {accept: "application/json"}});
    } catch (error) {
        throw error instanceof TypeError ? new Refusal("unreachable",
            "The daemon does not answer.", 0) : error;
    }
}

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

/// Whether the daemon asks to be asked again soon. A reading that it ended itself would only take as
/// long once more.
const is_busy = ({status, code}) => (status === 503 || status === 429) && code !== "cancelled";

/// `path` null: nothing is read. `every_ms`: read again that often while the page is seen, and when it is
/// seen again after longer. What is slow is waited for: while one reading goes on no other begins, but
/// for a `reload` that somebody asks for.
export function useDocument(path, every_ms = 30_000) {
    const [state, setState] = useState(NOTHING);
    const current = useRef(null);
    const load = useCallback(async (asked) => {
        const {signal} = asked.controller;
        const set = (more) => asked === current.current && setState((old) => ({...old, ...more}));
        const slow = setTimeout(() => set({busy: true}), BUSY_AFTER_MS);
        const limit = setTimeout(() => asked.controller.abort(
            new Refusal("timeout", `no answer in ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
        let again = false;
        try {
            const document = await read(path, signal);
            set({document, error: null, loading: false, busy: false, at: Date.now()});
        } catch (failure) {
            const error = signal.aborted ? signal.reason : failure;
            again = is_busy(error);
            set({error: again ? null : error, loading: again, busy: again});
        }
        clearTimeout(slow);
        clearTimeout(limit);
        if (again) {
            setTimeout(() => asked === current.current && load(asked), BUSY_AGAIN_MS);
        } else {
            asked.going = false;
        }
    }, [path]);
    const reload = useCallback((fresh = false) => {
        current.current?.controller.abort();
        current.current = null;
        if (path !== null) {
            if (fresh) {
                setState(NOTHING);
            }
            current.current = {controller: new AbortController(), going: true, begun: moment()};
            load(current.current);
        }
    }, [load, path]);
    useEffect(() => {
        reload(true);
        const may = () =>
            document.visibilityState === "visible" && current.current?.going === false;
        const seen = () => may() && seconds_since(current.current.begun) * 1000 > every_ms && reload();
        const timer = setInterval(() => may() && reload(), every_ms);
        document.addEventListener("visibilitychange", seen);
        return () => {
            clearInterval(timer);
            document.removeEventListener("visibilitychange", seen);
            current.current?.controller.abort();
            current.current = null;
        };
    }, [reload, every_ms]);
    return {...state, reload};
}
