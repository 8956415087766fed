// What the daemon warns of, each thing once: its list of warnings begins with the hazards.

/// [[level, word, text]]: what may cost money unseen comes first.
export function alerts_of(status) {
    const hazards = status.hazards.map((text) => ["hazard", "Money hazard", text]);
    const unknown = status.unknown.filter((one) => one.ours).map((one) =>
        ["hazard", "Unknown machine", `${one.provider} ${one.remote_id} ${one.gpu}: ${one.ends}`]);
    const known = new Set(status.hazards);
    const warnings = status.warnings.filter((text) => !known.has(text))
        .map((text) => ["warning", "Warning", text]);
    const lines = [...hazards, ...unknown, ...warnings];
    if (!status.ledger.ok) {
        lines.unshift(["hazard", "Ledger",
            "the ledger cannot be written; nothing new is paid for"]);
    }
    return lines;
}
