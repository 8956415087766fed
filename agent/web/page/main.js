// Starts the page.
import {App} from "./app.js";
import {html, render} from "./lib/h.js";
import {start_live} from "./lib/live.js";

const root = document.getElementById("page");
root.replaceChildren();
render(html`<${App} />`, root);
start_live();
