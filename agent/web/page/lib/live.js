// The stream of `/ui/api/live`: the newest status and nodes documents, and how old they are. It
// reconnects by itself; between tries the status is asked for once, so that the reason is known.
import {read} from "./api.js";
import {useEffect, useState} from "./h.js";

export const STALE_AFTER_S = 15;
const RETRY_MS = [1_000, 2_000, 4_000, 8_000];
const SAMPLES_MAX = 300;
const SLEEP_AFTER_MS = 60_000;

const listeners = new Set();
const tickers = new Set();
let state = {
    status: null, nodes: null, at: 0, heard: 0, link: "connecting", error: null, samples: [],
        stale: false,
};
let source = null;
let failures = 0;
let asleep = false;
let sleep = null;

function publish(more) {
    state = {...state, ...more};
    state.stale = is_stale(state);
    for (const listener of listeners) {
        listener(state);
    }
}

function take_status(status) {
    // A status that was made again counts as news; one that only was sent again does not.
    const news = !state.status || status.at !== state.status.at;
    const at = news ? Date.now() : state.at;
    const samples = news ? [...state.samples.slice(1 - SAMPLES_MAX), sample_of(status, at)]
        : state.samples;
    publish({status, at, heard: Date.now(), link: "open", error: null, samples});
}

function sample_of(status, at) {
    const add = (key) => status.sources.reduce((all, one) => all + (one[key] ?? 0), 0);
    return {
        at,
        rate: status.cost_rate.amount,
        tokens: add("tokens_per_s"),
        queue: status.queues.reduce((all, one) => all + one.depth, 0),
        watts: status.gpus.reduce((all, one) => all + (one.power_milliwatts ?? 0), 0) / 1000,
    };
}

function heard(event, take) {
    let document = null;
    try {
        document = JSON.parse(event.data);
    } catch {
        return;
    }
    failures = 0;
    take(document);
}

function connect() {
    if (source || asleep) {
        return;
    }
    source = new EventSource("/ui/api/live");
    source.addEventListener("status", (event) => heard(event, take_status));
    source.addEventListener("nodes", (event) => heard(event, (nodes) =>
        publish({nodes, heard: Date.now(), link: "open"})));
    source.addEventListener("ping", () => publish({heard: Date.now(), link: "open"}));
    source.onopen = () => { failures = 0; };
    source.onerror = lost;
}

async function lost() {
    source?.close();
    source = null;
    const wait = RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)];
    publish({link: "lost"});
    try {
        take_status(await read("/api/status", AbortSignal.timeout(4_000)));
        publish({nodes: await read("/api/nodes", AbortSignal.timeout(4_000))});
    } catch (error) {
        publish({link: "lost", error});
    }
    setTimeout(connect, wait);
}

/// Starts the stream; once, at the start of the page.
export function start_live() {
    connect();
    // The age of what is shown grows also when nothing arrives.
    setInterval(() => {
        if (is_stale(state) !== state.stale) {
            publish({});
        }
        for (const ticker of tickers) {
            ticker((count) => count + 1);
        }
    }, 1_000);
    document.addEventListener("visibilitychange", seen_or_not);
}

/// A tab that nobody has looked at for a while lets its stream go: browsers allow few connections to
/// one host, and other tabs need them.
function seen_or_not() {
    clearTimeout(sleep);
    if (document.visibilityState !== "visible") {
        sleep = setTimeout(() => {
            asleep = true;
            source?.close();
            source = null;
        }, SLEEP_AFTER_MS);
    } else if (asleep) {
        asleep = false;
        connect();
    } else if (source && is_stale(state)) {
        lost();
    }
}

export function age_s(live) {
    return live.at ? Math.max(0, (Date.now() - live.at) / 1000) : 0;
}

const is_stale = (live) => live.at > 0 && age_s(live) > STALE_AFTER_S;

export function useLive() {
    const [live, setLive] = useState(state);
    useEffect(() => {
        listeners.add(setLive);
        setLive(state);
        return () => listeners.delete(setLive);
    }, []);
    return live;
}

/// Draws the component anew each second: for ages alone, so that pages are not drawn for nothing.
export function useTick() {
    const [, setCount] = useState(0);
    useEffect(() => {
        tickers.add(setCount);
        return () => tickers.delete(setCount);
    }, []);
}
