// Actions, only where the daemon allows them: after a login, and with the name typed once more.
import {post, useDocument} from "../lib/api.js";
import {html, useState} from "../lib/h.js";

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
/// `confirm`: what must be meant besides, each {name, why} with a box of its own.
export function Act({action, name, word, explain, confirm = [], done}) {
    const [open, setOpen] = useState(false);
    const [typed, setTyped] = useState("");
    const [meant, setMeant] = useState([]);
    const [state, setState] = useState(null);
    const send = async (event) => {
        event.preventDefault();
        setState({busy: true});
        try {
            await post("/ui/api/act", {action, name, typed,
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
        return html`<button type="button" class="act" onClick=${() => setOpen(true)}>${word}
            </button>
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
        <button type="submit" disabled=${typed !== name
            || confirm.some((one) => !meant.includes(one.name)) || state?.busy}>${word}</button>
        <button type="button" onClick=${() => setOpen(false)}>Leave it</button>
        ${state?.error && html`<p class="bad" role="alert">${state.error}</p>`}</form>`;
}

export function useMe() {
    return useDocument("/ui/api/me", 300_000);
}

export function Control({live}) {
    const me = useMe();
    if (!me.document?.control) {
        return null;
    }
    if (!me.document.user) {
        return html`<div class="control"><${Login} done=${() => me.reload()} /></div>`;
    }
    const {frozen, host} = live.status;
    return html`<div class="control">
        <span class="dim">${me.document.user}</span> <${Act} name=${host}
        action=${frozen ? "thaw" : "freeze"} word=${frozen ? "Thaw" : "Freeze"}
        explain=${frozen ? "New spending is allowed again."
            : "Nothing new is rented or bought until thawed."} /></div>`;
}
