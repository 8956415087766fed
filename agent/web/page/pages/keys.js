// Keys: who may ask, what they used, and what is left to them.
import {Bullet, BulletKey} from "../charts/bullet.js";
import {useDocument} from "../lib/api.js";
import {html} from "../lib/h.js";
import {exact, money_text, nanos, percent_text, permille} from "../lib/money.js";
import {count_text, plural, short_count} from "../lib/words.js";
import {Figure} from "../parts/figure.js";
import {Money} from "../parts/money.js";
import {FirstRun, WithDocument} from "../parts/states.js";
import {Time} from "../parts/time.js";
import {pace_of} from "./now_budgets.js";

const share_of = (key) =>
    (key.limit ? permille(nanos(key.limit.used), nanos(key.limit.amount)) : -1);

function finding(keys) {
    const limited = keys.filter((key) => key.limit);
    if (limited.length === 0) {
        return `${plural(keys.length, "key")}, none with a limit of money.`;
    }
    const [first] = [...limited].sort((a, b) => share_of(b) - share_of(a));
    return `${plural(keys.length,
        "key")}, ${count_text(
        limited.length)} with a limit. “${first.name}” is closest to its own: ${
        percent_text(share_of(first))} of ${money_text(first.limit.amount, first.limit.currency,
            2)} a ${first.limit.per}.`;
}

function rates(key) {
    const parts = [];
    for (const [value, word] of [[key.requests_per_minute, "req/min"],
        [key.tokens_per_minute, "tok/min"], [key.in_flight, "at once"]]) {
        if (value !== null && value !== undefined) {
            parts.push(`${short_count(value)} ${word}`);
        }
    }
    return parts.join(", ") || "none";
}

function Limit({item, status}) {
    const {limit} = item;
    if (!limit) {
        return html`<span class="dim">no limit</span>`;
    }
    const share = share_of(item);
    return html`<span class="limits">
        <span><${Money} amount=${limit.used} currency=${limit.used_currency}
        figure=${`keys.${item.name}.limit.used`} />
        <span class="dim"> of </span>
            <${Money} amount=${limit.amount} currency=${limit.currency} decimals=${2}
            figure=${`keys.${item.name}.limit.amount`} />
        <span class="dim"> a ${limit.per} </span><b class=${share > 1000 ? "bad" : share >= 900
            ? "warn" : ""}>${percent_text(share)}</b></span>
        <${Bullet} spent=${nanos(limit.used)} limit=${nanos(limit.amount)}
            pace=${pace_of(limit, status)}
            label=${`${item.name}: ${money_text(limit.used,
                limit.used_currency)} of ${money_text(limit.amount,
                limit.currency)} a ${limit.per}`} /></span>`;
}

function Use({keys, status}) {
    const sorted = [...keys].sort((a, b) => share_of(b) - share_of(a)
        || (nanos(b.month) > nanos(a.month) ? 1 : -1));
    return html`<${Figure} title="Limits and use" name="keys" wide finding=${finding(keys)}
        note=${html`<${BulletKey} words=${["spent",
            ...(keys.some(({limit}) => limit && pace_of(limit, status) !== null) ? ["pace"] : []),
            "limit"]} />`}
        data=${{columns: [{label: "key"}, {label: "month", align: "right"},
            {label: "used", align: "right"}, {label: "limit", align: "right"}, {label: "currency"},
            {label: "per"}, {label: "routes"}],
                rows: sorted.map((key) =>
                    [key.name, exact(nanos(key.month)), key.limit?.used ?? "", key.limit?.amount
                    ?? "", key.limit?.currency ?? key.currency, key.limit?.per ?? "",
                    key.routes.join(" ")])}}>
        <div class="scroll" role="region" tabindex="0" aria-label="Keys">
            <table><caption class="unseen">Keys</caption><thead><tr>
            <th scope="col" class="right">This month</th><th scope="col">Key, limit and use</th>
                <th scope="col">Last used</th>
                <th scope="col">Rates</th><th scope="col">Routes</th>
            <th scope="col">Team</th><th scope="col">Created</th><th scope="col">Expires</th></tr>
                </thead>
            <tbody>${sorted.map((key) => html`<tr key=${key.name} data-key=${key.name}>
                <td class="right">
                    <${Money} amount=${key.month} currency=${key.currency}
                    figure=${`keys.${key.name}.month`} /></td>
                <th scope="row" class="limit-cell"><span><b>${key.name}</b> <code>${key.prefix}…</code></span>
                    <${Limit} item=${key} status=${status} /></th>
                <td>${key.last_used === null
                    ? "never" : html`<${Time} at=${key.last_used} ago />`}</td>
                <td>${rates(key)}</td><td>${key.routes.length ? key.routes.join(", ") : "all"}</td>
                    <td>${key.team ?? "–"}</td>
                <td><${Time} at=${key.created} form="day" /></td>
                    <td><${Time} at=${key.expires} form="day" /></td></tr>`)}</tbody></table></div>
                    <//>`;
}

export function Keys({live}) {
    const from = useDocument("/ui/api/keys", 15_000);
    return html`<${WithDocument} from=${from} what="Keys">${({keys}) => keys.length === 0
        ? html`<${FirstRun} title="There is no key yet."
            command="evenkeel keys create me">Without a key no program can ask anything.<//>`
        : html`<${Use} keys=${keys} status=${live.status} />`}<//>`;
}
