// An amount with its currency. The title holds it to the last unit; `data-figure` names the place in
// the documents it comes from, and tests compare `data-exact` with the command line's own --json.
import {html} from "../lib/h.js";
import {exact, money_text} from "../lib/money.js";

export function Money({amount, currency, decimals, figure, per = "", estimate = false}) {
    if (amount === null || amount === undefined) {
        return html`<span class="none">–</span>`;
    }
    const precise = typeof amount === "bigint" ? exact(amount) : amount;
    const about = estimate ? "about " : "";
    return html`<span class="money" data-figure=${figure} data-exact=${precise}
        title=${`${about}${precise} ${currency}${per ? ` ${per}` : ""}`}
        >${money_text(amount, currency, decimals)}${per && html`<span class="per">${per}</span>`}
            </span>`;
}

/// A figure that is no money: a count, a share.
export function Figured({figure, exact: precise, children}) {
    return html`<span class="num" data-figure=${figure} data-exact=${String(precise)}>${children}
        </span>`;
}
