// The walk over the ledger's whole hash chain: dear, so it is done when somebody asks for it. What it
// found stays, with its time, also while other pages are looked at.
import {read} from "../lib/api.js";
import {html, useEffect, useState} from "../lib/h.js";
import {list_text, plural} from "../lib/words.js";
import {Failed} from "../parts/states.js";
import {Time} from "../parts/time.js";

const listeners = new Set();
let state = {found: null, at: null, going: false, error: null};

function publish(more) {
    state = {...state, ...more};
    listeners.forEach((listener) => listener(state));
}

async function walk() {
    publish({going: true, error: null});
    try {
        publish({found: await read("/ui/api/ledger/verify"), at: new Date(), going: false});
    } catch (error) {
        publish({error, going: false});
    }
}

function useWalk() {
    const [seen, setSeen] = useState(state);
    useEffect(() => {
        listeners.add(setSeen);
        setSeen(state);
        return () => listeners.delete(setSeen);
    }, []);
    return seen;
}

function Found({document, at}) {
    return document.ok
        ? html`<p class="lead"><b class="good">Whole.</b> The hash chain is intact and every
            transaction balances: ${list_text([plural(document.transactions, "transaction"),
                plural(document.postings, "posting"), plural(document.requests, "request"),
                plural(document.machines, "machine")])}. <span class="dim">Walked <${Time}
                at=${at} /></span></p>`
        : html`<div class="state failed" role="alert"><p><b>The ledger does not verify.</b> Keep the
            file, and restore a backup beside it to compare. <span class="dim">Walked <${Time}
            at=${at} /></span></p><ul>${
            document.problems.map((text) => html`<li key=${text}>${text}</li>`)}</ul></div>`;
}

export function Verify() {
    const {found, at, going, error} = useWalk();
    return html`<section aria-labelledby="l-chain"><h2 id="l-chain">Hash chain</h2>
        ${error && html`<${Failed} what="The walk over the hash chain" error=${error} />`}
        ${found && html`<${Found} document=${found} at=${at} />`}
        ${going ? html`<div class="state loading" role="status">
                <span class="bar" aria-hidden="true"></span>Walking over every transaction: a large
                ledger takes minutes. The other pages can be looked at meanwhile.</div>`
            : html`<p>${!found && !error && html`Whether every transaction is as it was written is
                not looked at by itself: it reads the whole ledger. `}<button type="button"
                onClick=${walk}>Walk the chain now</button></p>`}</section>`;
}
