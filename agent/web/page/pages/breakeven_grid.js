// The grid of months by use and by what is rented instead: each cell is one answer of the daemon.
import {Grid} from "../charts/grid.js";
import {path_with, read} from "../lib/api.js";
import {html, useEffect, useState} from "../lib/h.js";
import {money_text, nanos} from "../lib/money.js";
import {Figure} from "../parts/figure.js";

const USES = [10, 20, 30, 45, 60, 80, 100];

export function UseGrid({document, asked}) {
    const [answers, setAnswers] = useState({});
    const others = JSON.stringify({...asked, use: ""});
    useEffect(() => {
        const controller = new AbortController();
        setAnswers({});
        (async () => {
            for (const use of USES) {
                try {
                    const answer =
                        await read(path_with("/ui/api/breakeven", {...asked, use: `${use}%`}),
                        controller.signal);
                    setAnswers((old) => ({...old, [use]: answer.rows}));
                } catch (error) {
                    if (controller.signal.aborted) {
                        return;
                    }
                    setAnswers((old) => ({...old, [use]: []}));
                }
            }
        })();
        return () => controller.abort();
    }, [others]);
    const rents = document.rows.filter((row) => row.kind === "rent")
        .sort((a, b) => (nanos(b.per_month) > nanos(a.per_month) ? 1 : -1));
    if (rents.length === 0) {
        return null;
    }
    const rows = rents.map((rent) => ({
        word: rent.instead_of, under: "",
        cells: USES.map((use) => {
            const row = answers[use]?.find((one) => one.instead_of === rent.instead_of);
            return !answers[use] ? null : !row ? {text: "–", months: null}
                : {text: row.months ?? row.status, months: row.months === null ? null
                    : Number(row.months)};
        }),
    }));
    const dearest = rows[0].cells;
    const finding = dearest[0] && dearest[USES.length - 1]
        ? `Against ${rows[0].word} it takes ${months(dearest[0])} at ${USES[0]} % use and ${months(
            dearest[USES.length - 1])} at 100 %.`
        : "The answers for other uses are being asked for.";
    return html`<${Figure} title="Months to break-even by use" name="use-grid" finding=${finding}
        note="Dearest rental first. Darker pays sooner: up to 6, 12, 24, 48 months, and longer."
        data=${{columns: [{label: "instead of"},
            ...USES.map((use) => ({label: `${use} %`, align: "right"}))],
                rows: rows.map((row) => [row.word, ...row.cells.map((cell) => cell?.text ?? "")])}}>
        <${Grid} label="Months to break-even by use and rental"
            uses=${USES.map((use) => `${use} %`)} rows=${rows} /><//>`;
}

const months = (cell) => (cell.months === null ? cell.text : `${cell.text} months`);
