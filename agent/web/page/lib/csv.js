// A table of the page as a CSV file, made in the browser: nothing leaves it.

/// What a spreadsheet would read as a formula is written as text; a number below zero stays one.
export function csv_field(value) {
    let text = value === null || value === undefined ? "" : String(value);
    if (/^[-=+@\t\r\n]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text)) {
        text = `'${text}`;
    }
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csv_text(columns, rows) {
    return [columns, ...rows].map((row) => `${row.map(csv_field).join(",")}\r\n`).join("");
}

export function save(name, text, type = "text/csv") {
    const url = URL.createObjectURL(new Blob([text], {type: `${type};charset=utf-8`}));
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1_000);
}
