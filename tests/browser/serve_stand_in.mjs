// For work on the page by hand: node tests/browser/serve_stand_in.mjs [busy|empty] [port]
import {busy, empty} from "./scene.mjs";
import {StandIn} from "./stand_in.mjs";

const [scene = "busy", port = "8899"] = process.argv.slice(2);
const server = await new StandIn(scene === "empty" ? empty() : busy()).start(Number(port));
console.log(`a stand-in, no daemon: ${server.url}/`);
