// Budgets as bullet bars: spent, held, pace, forecast and limit on one scale.
import {Bullet, BulletKey} from "../charts/bullet.js";
import {useDocument} from "../lib/api.js";
import {html} from "../lib/h.js";
import {exact, money_text, nanos, percent_text, permille} from "../lib/money.js";
import {date_of, short_day} from "../lib/time.js";
import {list_text} from "../lib/words.js";
import {Figure} from "../parts/figure.js";
import {Money} from "../parts/money.js";
import {FirstRun} from "../parts/states.js";

/// Share of a limit's window, as the daemon has it, that had passed when the status was made; null where
/// the window is not told. The reader's own zone and clock are no part of it.
export function pace_of({from_us, until_us}, status) {
    const at = date_of(status.at);
    return at && from_us != null && until_us > from_us
        ? Math.min(1, Math.max(0, (at.getTime() * 1000 - from_us) / (until_us - from_us))) : null;
}

function finding(budgets) {
    const close = budgets.map((budget) => ({
        name: budget.name,
        share: permille(nanos(budget.spent) + nanos(budget.held), nanos(budget.limit)),
        ahead: budget.pace,
    })).sort((a, b) => b.share - a.share);
    const over = close.filter((one) => one.share > 1000).map((one) => `“${one.name}”`);
    if (over.length) {
        return `${list_text(over)} ${over.length === 1 ? "is" : "are"} over the limit.`;
    }
    const [first] = close;
    const pace = first.ahead === null || first.share < 50 ? "" : first.share > first.ahead * 1000
        ? ", faster than its window passes" : ", slower than its window passes";
    const runs_out = budgets.filter((one) => one.forecast?.runs_out);
    if (runs_out.length) {
        return `“${runs_out[0].name}” is going to run out on ${short_day(
            runs_out[0].forecast.runs_out)}.`;
    }
    return `Closest to its limit is “${first.name}”: ${percent_text(
        first.share)} of it is used${pace}.`;
}

/// What the budget will have spent; nothing where the forecast is of less than what is spent already.
function forecast_of(document, budget) {
    const found = document?.budgets.find((one) => one.name === budget.name);
    return found && found.expected !== null && nanos(found.expected) >= nanos(budget.spent)
        ? {low: nanos(found.low), mid: nanos(found.expected), high: nanos(found.high),
            runs_out: found.runs_out} : null;
}

export function Budgets({status}) {
    const {document} = useDocument(status.budgets.length ? "/ui/api/forecast" : null, 60_000);
    if (status.budgets.length === 0) {
        return html`<section class="fig"><h2>Budgets</h2><${FirstRun} title="No budget is set."
            command="evenkeel policy explain budgets">Nothing stops spending but the caps of
                safety.<//></section>`;
    }
    const rows = status.budgets.map((budget) => ({
        ...budget, forecast: forecast_of(document, budget), pace: pace_of(budget, status),
        share: permille(nanos(budget.spent) + nanos(budget.held), nanos(budget.limit)),
    }));
    const data = {
        columns: [{label: "budget"}, {label: "per"}, {label: "spent", align: "right"},
            {label: "held", align: "right"},
                  {label: "forecast", align: "right"}, {label: "limit", align: "right"},
                      {label: "currency"}],
        rows: rows.map((row) => [row.name, row.per, row.spent, row.held,
                                 row.forecast ? exact(row.forecast.mid) : "", row.limit,
                                     row.currency]),
    };
    return html`<${Figure} title="Budgets" name="budgets" finding=${finding(rows)} data=${data}
        note=${html`<${BulletKey} words=${["spent", "held",
            ...(rows.some((row) => row.pace !== null) ? ["pace"] : []),
            ...(rows.some((row) => row.forecast) ? ["forecast"] : []), "limit"]} />`}>
        <ul class="bullets">${rows.map((row) => html`<li key=${row.name}>
            <span class="name">${row.name} <span class="dim">a ${row.per}</span></span>
            <span class="amounts">
                <${Money} amount=${row.spent} currency=${row.currency}
                figure=${`status.budgets.${row.name}.spent`} />
                <span class="dim"> of </span>
                    <${Money} amount=${row.limit} currency=${row.currency} decimals=${2}
                    figure=${`status.budgets.${row.name}.limit`} />
                <span class=${`share${row.share > 1000 ? " bad" : row.share >= 900 ? " warn"
                    : ""}`}>${percent_text(row.share)}</span></span>
            <${Bullet} spent=${nanos(row.spent)} held=${nanos(row.held)} limit=${nanos(row.limit)}
                forecast=${row.forecast} pace=${row.pace}
                label=${`${row.name}: ${money_text(row.spent,
                    row.currency)} spent and ${money_text(row.held,
                    row.currency)} held of ${money_text(row.limit, row.currency)} a ${row.per}`} />
        </li>`)}</ul><//>`;
}
