// Differences of two texts by line: the longest common subsequence, after what is alike at both ends
// has been set aside.

const CELLS_MAX = 4_000_000;

/// [{sign: " " | "-" | "+", text, old: line number or null, now: line number or null}]
export function diff_lines(before, after) {
    const [a, b] = [before.split("\n"), after.split("\n")];
    let head = 0;
    while (head < a.length && head < b.length && a[head] === b[head]) {
        ++head;
    }
    let tail = 0;
    while (tail < a.length - head && tail < b.length - head
        && a[a.length - 1 - tail] === b[b.length - 1 - tail]) {
        ++tail;
    }
    const [left, right] = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)];
    const lines = [];
    let [old, now] = [0, 0];
    const same = (text) => lines.push({sign: " ", text, old: ++old, now: ++now});
    const gone = (text) => lines.push({sign: "-", text, old: ++old, now: null});
    const added = (text) => lines.push({sign: "+", text, old: null, now: ++now});
    a.slice(0, head).forEach(same);
    if (left.length * right.length > CELLS_MAX) {
        left.forEach(gone);
        right.forEach(added);
    } else {
        walk(left, right, {same, gone, added});
    }
    a.slice(a.length - tail).forEach(same);
    return lines;
}

function walk(left, right, {same, gone, added}) {
    const wide = right.length + 1;
    const length = new Uint32Array((left.length + 1) * wide);
    for (let i = left.length - 1; i >= 0; --i) {
        for (let j = right.length - 1; j >= 0; --j) {
            length[i * wide + j] = left[i] === right[j] ? length[(i + 1) * wide + j + 1] + 1
                : Math.max(length[(i + 1) * wide + j], length[i * wide + j + 1]);
        }
    }
    let [i, j] = [0, 0];
    while (i < left.length || j < right.length) {
        if (i < left.length && j < right.length && left[i] === right[j]) {
            same(left[i]);
            ++i;
            ++j;
        } else if (i < left.length
            && (j === right.length || length[(i + 1) * wide + j] >= length[i * wide + j + 1])) {
            gone(left[i++]);
        } else {
            added(right[j++]);
        }
    }
}

/// The lines near a change; a number in place of those left out between.
export function near_changes(lines, context = 3) {
    const keep = lines.map(() => false);
    lines.forEach((line, at) => {
        if (line.sign !== " ") {
            keep.fill(true, Math.max(0, at - context), at + context + 1);
        }
    });
    const shown = [];
    lines.forEach((line, at) => {
        if (keep[at]) {
            shown.push(line);
        } else if (typeof shown[shown.length - 1] === "number") {
            shown[shown.length - 1] += 1;
        } else {
            shown.push(1);
        }
    });
    return shown;
}
