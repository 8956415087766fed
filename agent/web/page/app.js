// The frame around every page: money and state at the top, the ten pages at the side, and the
// states that concern all of them (loading, stale, error, frozen).
import {Patterns} from "./charts/patterns.js";
import {alerts_of} from "./lib/alerts.js";
import {html, useEffect, useErrorBoundary, useMemo, useRef, useState} from "./lib/h.js";
import {STALE_AFTER_S, age_s, useLive, useTick} from "./lib/live.js";
import {hash_of, useRoute} from "./lib/router.js";
import {ago_text, duration_text} from "./lib/time.js";
import {Control} from "./parts/control.js";
import {Money} from "./parts/money.js";
import {Failed, Loading} from "./parts/states.js";
import {PAGES} from "./pages/all.js";

const CALM_MS = 10_000;

function Mark() {
    return html`<svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true" class="mark">
        <path d="M3 16h26l-4.2 8.6a2 2 0 0 1-1.8 1.1H9a2 2 0 0 1-1.8-1.1z" /><path d="M3 10h26" />
            </svg>`;
}

function Age({live}) {
    useTick();
    const age = age_s(live);
    const word = live.link === "lost" ? "not connected" : ago_text(age);
    return html`<span class=${`age${live.stale || live.link === "lost" ? " bad" : ""}`}
        title="how old these figures are"><i aria-hidden="true"></i>${word}</span>`;
}

function Top({live}) {
    const {status} = live;
    return html`<header class=${`top${live.stale ? " stale" : ""}`}>
        <a class="brand" href="#/now"><${Mark} />Evenkeel</a>
        ${status && html`
            <p class="money-now">
                <${Money} amount=${status.cost_rate.amount} currency=${status.cost_rate.currency}
                decimals=${2} per="/h" figure="status.cost_rate.amount" />
                <span class="sub">now</span></p>
            <p class="money-now">
                <${Money} amount=${status.spend.today} currency=${status.spend.currency}
                figure="status.spend.today" />
                <span class="sub">today</span></p>
            <p class="money-now">
                <${Money} amount=${status.spend.month} currency=${status.spend.currency}
                figure="status.spend.month" />
                <span class="sub">this month</span></p>
            <${Age} live=${live} />
            <p class="where">
                ${status.host} <span class="dim">
                ${status.version} · up ${duration_text(status.uptime_s)}</span></p>`}
    </header>`;
}

function Nav({page, status}) {
    const list = useRef(null);
    useEffect(() => list.current?.querySelector("[aria-current]")?.scrollIntoView(
        {block: "nearest", inline: "center"}), [page]);
    const alerts = status ? alerts_of(status).length : 0;
    return html`<nav aria-label="Pages"><ul ref=${list}>${PAGES.map((one) => html`<li key=${one.id}>
        <a href=${hash_of(one.id)} aria-current=${one.id === page ? "page"
            : undefined}>${one.title}${
            one.id === "health" && alerts > 0
                && html` <span class="count" title="warnings">${alerts}</span>`}</a></li>`)}</ul>
                </nav>`;
}

/// Its words stand still: who reads by ear is told once, and the age that grows is no part of it.
function Stale({live}) {
    useTick();
    return html`<div class="banner stale">
        <p role="alert"><b>These figures are old.</b> ${live.link === "lost"
            ? "The daemon does not answer" : "The daemon answers, but tells nothing new"}; they are
            greyed until it does (limit ${STALE_AFTER_S} s).</p>
        <p class="dim">They are ${duration_text(age_s(live))} old.</p></div>`;
}

function Upgraded({version, now}) {
    return html`<p class="banner upgraded" role="status"><b>The agent was upgraded from ${version} to
        ${" "}${now}.</b> This page is still the old one: reload
        it. <button type="button" onClick=${() => location.reload()}>Reload this page</button></p>`;
}

function Banners({live}) {
    const {status, version} = live;
    return html`<div class="banners">
        ${live.stale && html`<${Stale} live=${live} />`}
        ${status && status.version !== version
            && html`<${Upgraded} version=${version} now=${status.version} />`}
        ${status?.frozen && html`<p class="banner frozen" role="status"><b>Spending is frozen</b> ${
            status.frozen_by
                ? `by ${status.frozen_by}` : ""}: nothing new is rented or
                bought. <code>evenkeel thaw</code> ends it.</p>`}
        ${status && status.state !== "serving"
            && html`<p class="banner busy" role="status"><b>The daemon is ${status.state}.</b> ${
            status.state === "starting"
                ? "Providers are still being listed; nothing is rented before."
                : "Machines are drained and destroyed."}</p>`}
        ${status && status.speed > 1
            && html`<p class="banner demo">A demonstration at ${status.speed} times the speed of the
            real world: durations are divided and hourly prices multiplied.</p>`}
    </div>`;
}

function Body({route, live}) {
    const [error, reset] = useErrorBoundary((mistake) => console.error(mistake));
    useEffect(() => reset(), [route.page]);
    const page = PAGES.find((one) => one.id === route.page);
    // A calm page shows little of the stream: it is not drawn anew with each event of it.
    const pace = page?.calm && live.at ? Math.floor(live.at.steady / CALM_MS) : live;
    const shown = useMemo(() => page && live.status
        && html`<${page.view} live=${live} query=${route.query} />`, [route, pace]);
    if (error) {
        return html`<${Failed} what="This page" error=${error} reload=${reset} />`;
    }
    if (!page) {
        return html`<p class="quiet">There is no page “${route.page}”. <a href="#/now">Now</a></p>`;
    }
    if (!live.status) {
        return live.error ? html`<${Failed} what="The daemon's state" error=${live.error} />`
            : html`<${Loading} what="the daemon's state" />`;
    }
    return shown;
}

export function App() {
    const live = useLive();
    const route = useRoute();
    const heading = useRef(null);
    const [first, setFirst] = useState(true);
    const page = PAGES.find((one) => one.id === route.page);
    useEffect(() => {
        document.title = page ? `${page.title} · Evenkeel` : "Evenkeel";
        // A new page begins at its head, also for those who read by keyboard or ear.
        if (!first) {
            heading.current?.focus({preventScroll: true});
            scrollTo(0, 0);
        }
        setFirst(false);
    }, [route.page]);
    return html`<${Patterns} />
        <a class="skip" href="#content" onClick=${(event) => {
            event.preventDefault();
            heading.current?.focus();
        }}>To the content</a>
        <${Top} live=${live} />
        <div class="frame">
            <${Nav} page=${route.page} status=${live.status} />
            <main id="content" class=${live.stale ? "stale"
                : undefined} data-page=${route.page}>
                <${Banners} live=${live} />
                <div class="head"><h1 tabindex="-1" ref=${heading}>${page?.title
                    ?? "Not found"}</h1>
                    <p class="purpose">${page?.purpose}</p>${live.status
                        && html`<${Control} live=${live} />`}</div>
                <${Body} key=${route.page} route=${route} live=${live} />
            </main>
        </div>`;
}
