// Actions, only where the daemon allows them: after a login, and with the name typed once more.
import {post, useDocument} from "../lib/api.js";
import {html, useEffect, useState} from "../lib/h.js";
import {useLive} from "../lib/live.js";

const OLD = "What is shown is old: nothing can be done from here until it is read anew.";

function Login({done}) {
    const [token, setToken] = useState("");
    const [error, setError] = useState(null);
    const send = async (event) => {
        event.preventDefault();
        try {
            await post("/ui/api/login", {token: token.trim()});
            setToken("");
            done();
        } catch (failure) {
            setError(failure.message);
        }
    };
    return html`<details class="login"><summary>Log in to act</summary>
        <form onSubmit=${send}><label>Token of <code>evenkeel dashboard login</code>
            <input type="password" autocomplete="off" value=${token} onInput=${(event) =>
                setToken(event.target.value)} /></label>
            <button type="submit" disabled=${!token}>Log in</button>
            ${error && html`<p class="bad" role="alert">${error}</p>`}</form></details>`;
}

/// One action on one thing: the name must be typed, so that a slip of the hand costs nothing.
/// `id`: of the thing that is meant, where its name may be another's by now. `confirm`: what must be meant
/// besides, each {name, why} with a box of its own. `old`: what is shown of it could not be read again.
export function Act({action, name, id, word, explain, confirm = [], old = false, done}) {
    const {stale} = useLive();
    const off = stale || old;
    const [open, setOpen] = useState(false);
    const [typed, setTyped] = useState("");
    const [meant, setMeant] = useState([]);
    const [state, setState] = useState(null);
    const send = async (event) => {
        event.preventDefault();
        setState({busy: true});
        try {
            await post("/ui/api/act", {action, name, ...(id && {id}), typed,
                ...(confirm.length > 0 && {confirm: meant})});
            setState({said: `${word}: asked for.`});
            setOpen(false);
            setTyped("");
            setMeant([]);
            done?.();
        } catch (failure) {
            setState({error: failure.message});
        }
    };
    if (!open) {
        return html`<button type="button" class="act" disabled=${off} title=${off ? OLD : undefined}
                onClick=${() => setOpen(true)}>${word}</button>
            ${state?.said && html`<span class="dim" role="status">${state.said}</span>`}`;
    }
    const turn = (one) => setMeant((old) => old.includes(one) ? old.filter((each) => each !== one)
        : [...old, one]);
    return html`<form class="confirm" onSubmit=${send}>${confirm.map((one) =>
        html`<label class="meant" key=${one.name}><input type="checkbox"
            checked=${meant.includes(one.name)} onChange=${() => turn(one.name)} />
            <span>This is meant: ${one.why}</span></label>`)}
        <label>${explain} Type <b>${name}</b>
        <input value=${typed} autocomplete="off" onInput=${(event) =>
            setTyped(event.target.value)} /></label>
        <button type="submit" disabled=${off || typed !== name
            || confirm.some((one) => !meant.includes(one.name)) || state?.busy}>${word}</button>
        <button type="button" onClick=${() => setOpen(false)}>Leave it</button>
        ${off && html`<p class="bad" role="status">${OLD}</p>`}
        ${state?.error && html`<p class="bad" role="alert">${state.error}</p>`}</form>`;
}

const readers = new Set();
/// Who is logged in was changed: all who show it ask anew.
const changed = () => readers.forEach((reload) => reload());

export function useMe() {
    const me = useDocument("/ui/api/me", 300_000);
    useEffect(() => {
        readers.add(me.reload);
        return () => readers.delete(me.reload);
    }, [me.reload]);
    return me;
}

function LogOut() {
    const [error, setError] = useState(null);
    const leave = async () => {
        try {
            await post("/ui/api/logout", {});
            changed();
        } catch (failure) {
            setError(failure.message);
        }
    };
    return html`<button type="button" onClick=${leave}>Log out</button>
        ${error && html`<span class="bad" role="alert">${error}</span>`}`;
}

export function Control({live}) {
    const me = useMe();
    if (!me.document?.control) {
        return null;
    }
    if (!me.document.user) {
        return html`<div class="control"><${Login} done=${changed} /></div>`;
    }
    const {frozen, host} = live.status;
    return html`<div class="control">
        <span class="dim">${me.document.user}</span> <${LogOut} />
        <${Act} key=${frozen} name=${host} action=${frozen ? "thaw" : "freeze"} word=${frozen ? "Thaw" : "Freeze"}
        explain=${frozen ? "New spending is allowed again."
            : "Nothing new is rented or bought until thawed."} /></div>`;
}
