// The fills of the four kinds. Colour is the first cue, the pattern the second; both follow the
// colour scheme through CSS. Drawn once, at the top of the page.
import {html} from "../lib/h.js";

export function Patterns() {
    return html`<svg class="defs" width="0" height="0" aria-hidden="true" focusable="false"><defs>
        <pattern id="pattern-rental" width="6" height="6" patternUnits="userSpaceOnUse"
            patternTransform="rotate(45)">
            <rect width="6" height="6" class="ground-rental" />
                <rect width="2" height="6" class="ink-rental" />
        </pattern>
        <pattern id="pattern-api" width="6" height="6" patternUnits="userSpaceOnUse">
            <rect width="6" height="6" class="ground-api" />
            <circle cx="1.5" cy="1.5" r="1.1" class="ink-api" />
                <circle cx="4.5" cy="4.5" r="1.1" class="ink-api" />
        </pattern>
        <pattern id="pattern-waste" width="6" height="6" patternUnits="userSpaceOnUse">
            <rect width="6" height="6" class="ground-waste" />
            <path d="M0 0L6 6M6 0L0 6" class="line-waste" />
        </pattern>
    </defs></svg>`;
}
