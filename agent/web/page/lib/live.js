// The stream of `/ui/api/live`: the newest status and nodes documents, and how old they are. It
// reconnects by itself, also when it stands open and brings nothing; between tries the status is asked
// for once, so that the reason is known.
import {read, read_dated} from "./api.js";
import {useEffect, useState} from "./h.js";
import {moment, seconds_since} from "./time.js";

export const STALE_AFTER_S = 15;
/// A stream with nothing to tell says so every 5 s: one that says nothing for this long is dead.
const SILENT_AFTER_S = 10;
const ANSWER_MS = 4_000;
const RETRY_MS = [1_000, 2_000, 4_000, 8_000];
const SAMPLES_MAX = 300;
const SLEEP_AFTER_MS = 60_000;

const listeners = new Set();
const tickers = new Set();
// `at`: when what is shown was news; `heard`: when anything came; `version`: of the agent that made
// this page.
let state = {
    status: null, nodes: null, at: null, heard: null, link: "connecting", error: null, samples: [],
        stale: false, version: "",
};
let source = null;
let opened = null;
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

function take_status(status, age = 0) {
    // A status that was made again counts as news; one that only was sent again does not.
    const news = !state.status || status.at !== state.status.at;
    const came = moment(age);
    const at = news || seconds_since(came) > seconds_since(state.at) ? came : state.at;
    const samples = news ? [...state.samples.slice(1 - SAMPLES_MAX), sample_of(status)]
        : state.samples;
    publish({status, at, heard: moment(), link: "open", error: null, samples,
        version: state.version || status.version});
}

/// Asks for the status. The head of the answer has the daemon's own clock: by it the status has an age,
/// whatever clock the reader has.
async function ask() {
    const before = state.status?.at;
    const {document, date} = await read_dated("/api/status", AbortSignal.timeout(ANSWER_MS));
    if (state.status?.at !== before) {
        return;  // the stream brought a newer one meanwhile
    }
    take_status(document, date ? Math.max(0, (date - Date.parse(document.at)) / 1000) : 0);
}

/// The first status that the stream brings may have been made long ago.
function take_streamed(status) {
    const first = !state.status;
    take_status(status);
    if (first) {
        ask().catch(() => {});
    }
}

function sample_of(status) {
    const add = (key) => status.sources.reduce((all, one) => all + (one[key] ?? 0), 0);
    return {
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
    opened = moment();
    source.addEventListener("status", (event) => heard(event, take_streamed));
    source.addEventListener("nodes", (event) => heard(event, (nodes) =>
        publish({nodes, heard: moment(), link: "open"})));
    source.addEventListener("ping", () => publish({heard: moment(), link: "open"}));
    source.onopen = () => { failures = 0; };
    source.onerror = lost;
}

async function lost() {
    source?.close();
    source = null;
    const wait = RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)];
    publish({link: "lost"});
    try {
        await ask();
        publish({nodes: await read("/api/nodes", AbortSignal.timeout(ANSWER_MS))});
    } catch (error) {
        publish({link: "lost", error});
    }
    setTimeout(connect, wait);
}

/// Whether the stream stands open and has brought nothing for longer than it may.
function is_silent() {
    return source !== null && seconds_since(opened) > SILENT_AFTER_S
        && (!state.heard || seconds_since(state.heard) > SILENT_AFTER_S);
}

/// Starts the stream; once, at the start of the page.
export function start_live() {
    connect();
    // The age of what is shown grows also when nothing arrives.
    setInterval(() => {
        if (document.visibilityState === "visible" && is_silent()) {
            lost();
        }
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
    } else if (source && (is_stale(state) || is_silent())) {
        lost();
    }
}

export const age_s = (live) => (live.at ? seconds_since(live.at) : 0);

const is_stale = (live) => age_s(live) > STALE_AFTER_S;

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
