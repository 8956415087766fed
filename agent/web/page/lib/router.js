// `#/spend?by=model&since=30d`: the page and its choices live in the address, so they can be kept,
// sent and gone back to.
import {useEffect, useState} from "./h.js";

export function parse_hash(hash) {
    const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
    return {page: path || "now", query: Object.fromEntries(new URLSearchParams(query))};
}

export function hash_of(page, query = {}) {
    const text = new URLSearchParams(
        Object.entries(query).filter(([, value]) => value !== "" && value != null)).toString();
    return `#/${page}${text ? `?${text}` : ""}`;
}

/// Changes some choices of the page that is shown, without a new entry in the history.
export function choose(changes) {
    const {page, query} = parse_hash(location.hash);
    history.replaceState(null, "", hash_of(page, {...query, ...changes}));
    dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useRoute() {
    const [route, setRoute] = useState(() => parse_hash(location.hash));
    useEffect(() => {
        const changed = () => setRoute(parse_hash(location.hash));
        addEventListener("hashchange", changed);
        return () => removeEventListener("hashchange", changed);
    }, []);
    return route;
}
