// The ledger against the providers' bills of a month.
import {Waterfall} from "../charts/waterfall.js";
import {path_with, useDocument} from "../lib/api.js";
import {html} from "../lib/h.js";
import {money_text, nanos} from "../lib/money.js";
import {choose} from "../lib/router.js";
import {Figure} from "../parts/figure.js";
import {Money} from "../parts/money.js";
import {WithDocument} from "../parts/states.js";

const CAUSES = {rounding: "rounding", not_metered: "time not metered",
    unknown_machine: "unknown machine", price_change: "price change", tax: "tax",
                not_billed_yet: "not billed yet", credit: "credit", other: "other"};
const cause_word = (cause) => CAUSES[cause] ?? cause;

function Provider({one, month}) {
    const steps = one.steps.filter((step) => nanos(step.amount) !== 0n);
    const facts = html`<ul class="facts">
        <li>metered <b><${Money} amount=${one.metered} currency=${one.currency}
        figure=${`reconcile.${one.provider}.metered`} /></b></li>
        <li>booked in the
            ledger <b><${Money} amount=${one.ledger} currency=${one.currency}
            figure=${`reconcile.${one.provider}.ledger`} /></b></li>
        <li>bill <b><${Money} amount=${one.bill} currency=${one.currency}
            figure=${`reconcile.${one.provider}.bill`} /></b></li></ul>`;
    if (one.bill === null) {
        return html`<section class="fig"><h2>${one.provider}, ${month}</h2>
            <p class="finding">${one.provider} has billed nothing that could be compared.</p>
            ${facts}</section>`;
    }
    const [metered, bill] = [nanos(one.metered), nanos(one.bill)];
    const most = [...steps].sort((a, b) => (size(b) > size(a) ? 1 : -1))[0];
    const finding = metered === bill
        ? `What was metered equals ${one.provider}'s bill to the last unit: ${money_text(bill,
        one.currency)}.`
        : `${one.provider} bills ${money_text(bill > metered ? bill - metered : metered - bill,
            one.currency)} ${bill > metered ? "more" : "less"} than was metered${
            most ? `, most of it by ${cause_word(most.cause)}` : ""}.`;
    return html`<${Figure} title=${`${one.provider}, ${month}`} name=${`bill-${one.provider}`}
        finding=${finding}
        data=${{columns: [{label: "step"}, {label: `amount (${one.currency})`, align: "right"},
            {label: "what"}],
                rows: [["metered", one.metered, ""],
                    ...one.steps.map((step) => [cause_word(step.cause), step.amount, step.text]),
                    ["bill", one.bill, ""]]}}>
        <${Waterfall} currency=${one.currency}
            label=${`From what was metered to the bill of ${one.provider}`} from=${{word: "metered",
            amount: metered}}
            steps=${steps.map((step) =>
                ({word: cause_word(step.cause), amount: nanos(step.amount)}))} to=${{word: "bill",
                amount: bill}} />
        ${facts}<//>`;
}

function size(step) {
    const amount = nanos(step.amount);
    return amount < 0n ? -amount : amount;
}

export function Bills({query}) {
    const month = /^\d{4}-\d\d$/.test(query.month ?? "") ? query.month : "";
    const from = useDocument(path_with("/ui/api/reconcile", {month}), 120_000);
    return html`<section aria-labelledby="l-bills">
        <h2 id="l-bills">Against the providers' bills <label
        class="inline">month <input type="month" value=${month}
        onChange=${(event) => choose({month: event.target.value})} /></label></h2>
        <${WithDocument} from=${from} what="The reconciliation">${(document) =>
            document.providers.length === 0
            ? html`<p class="quiet">No provider billed anything in ${document.month}.</p>`
            : html`<div class="grid">
                ${document.providers.map((one) =>
                html`<${Provider} key=${one.provider + one.currency} one=${one}
                month=${document.month} />`)}</div>`}<//></section>`;
}
