// The ten pages, in the order of the navigation. `calm`: it shows little that comes with the stream.
import {Breakeven} from "./breakeven.js";
import {Gpus} from "./gpus.js";
import {Health} from "./health.js";
import {Keys} from "./keys.js";
import {Ledger} from "./ledger.js";
import {Machines} from "./machines.js";
import {Now} from "./now.js";
import {Policy} from "./policy.js";
import {Routing} from "./routing.js";
import {Spend} from "./spend.js";

export const PAGES = [
    {id: "now", title: "Now", view: Now,
        purpose: "What it costs at this moment, on what, and what ends it."},
    {id: "spend", title: "Spend", calm: true, view: Spend,
        purpose: "What was spent, on what, what of it was wasted, and whether the budget will hold."},
    {id: "breakeven", title: "Break-even", calm: true, view: Breakeven,
        purpose: "Buy, rent, reserve or pay by the token, with every assumption in sight."},
    {id: "machines", title: "Machines", view: Machines,
        purpose: "The life of every machine that was paid by the hour."},
    {id: "routing", title: "Routing", calm: true, view: Routing,
        purpose: "Where requests went, what that cost, and how long they waited."},
    {id: "gpus", title: "Own GPUs", calm: true, view: Gpus,
        purpose: "Load, memory, power and temperature of your own hardware, and what its power costs."},
    {id: "keys", title: "Keys", calm: true, view: Keys,
        purpose: "Who may ask, what they used, and what is left to them."},
    {id: "policy", title: "Policy", calm: true, view: Policy,
        purpose: "The text in force, how it came to be, and what another rule would have cost."},
    {id: "ledger", title: "Ledger", calm: true, view: Ledger,
        purpose: "Every transaction, whether they are whole, and how they agree with the bills."},
    {id: "health", title: "Health", calm: true, view: Health,
        purpose: "Everything that could cost money or break, in one list."},
];
