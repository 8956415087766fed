// The one door to the vendored Preact and htm. `html` makes text nodes of every value: nothing in
// this page ever sets raw HTML, since names come from clients.
export {
    html, render, useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback,
        useErrorBoundary,
} from "../../vendor/preact-htm.js";
