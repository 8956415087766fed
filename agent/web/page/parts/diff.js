// What changed between two states of some files, a file at a time.
import {diff_lines, near_changes} from "../lib/diff.js";
import {html} from "../lib/h.js";
import {count_text, plural} from "../lib/words.js";

function Diff({name, before, after}) {
    const lines = diff_lines(before, after);
    const added = lines.filter((line) => line.sign === "+").length;
    const gone = lines.filter((line) => line.sign === "-").length;
    if (added + gone === 0) {
        return html`<p class="quiet"><code>${name}</code> is unchanged.</p>`;
    }
    return html`<div class="file">
        <h3><code>${name}</code> <span class="dim">${plural(added,
        "line")} new, ${count_text(gone)} gone</span></h3>
        <pre class="diff" tabindex="0" aria-label=${`Changes of ${name}`}>${near_changes(lines)
            .map((line, at) => typeof line === "number"
            ? html`<span class="skip-lines" key=${at}>${plural(line, "line")} alike\n</span>`
            : html`<span key=${at} class=${line.sign === "+" ? "add" : line.sign === "-" ? "del"
                : ""}>${line.sign} ${line.text}\n</span>`)}</pre></div>`;
}

/// `before` and `after`: [{name, text}].
export function FileChanges({before, after}) {
    const old = new Map(before.map((file) => [file.name, file.text]));
    const now = new Map(after.map((file) => [file.name, file.text]));
    return [...new Set([...old.keys(), ...now.keys()])].map((name) =>
        html`<${Diff} key=${name} name=${name} before=${old.get(name) ?? ""}
            after=${now.get(name) ?? ""} />`);
}
