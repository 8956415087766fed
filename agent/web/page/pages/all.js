// The ten pages, in the order of the navigation.
import {Now} from "./now.js";

export const PAGES = [
    {id: "now", title: "Now", view: Now, purpose: "What it costs at this moment, on what, and what ends it."},
];
