// Where a rented machine is in its life, as a row of steps.
import {html} from "../lib/h.js";

const STEPS = ["wanted", "creating", "booting", "warming", "serving", "draining", "deleting",
    "verifying", "gone"];

export function Life({state}) {
    const at = STEPS.indexOf(state === "unknown" ? "creating" : state);
    return html`<span class="life" data-state=${state}>
        <span class=${`word state-${state}`}>${state}</span>
        <span class="steps" aria-hidden="true">${STEPS.map((step, index) =>
            html`<i key=${step} class=${index < at ? "done" : index === at ? "now" : ""}
                title=${step}></i>`)}</span>
    </span>`;
}
