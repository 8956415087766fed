// What the scripted upstream says, apart from any vendor's shape, and what the SDKs must give their
// programs of it.
export const usage = {prompt: 21, cached: 5, completion: 9, thinking: 4};

const lookup = (id, city) => ({id, name: "lookup", args: {city, days: 2}});
export const said = {
    plain: {text: "An even keel: ruhig, 静か 🚢, and steady."},
    length: {text: "An even keel is", finish: "length"},
    tools: {text: "Let me look.", calls: [lookup("call_kiel1", "Kiel")], finish: "tools"},
    result: {text: "It will be 7 degrees in Kiel."},
    parallel: {calls: [lookup("call_kiel1", "Kiel"), lookup("call_oslo2", "Ålesund")],
               finish: "tools"},
    thinking: {thinking: "The keel is under the ship. 竜骨。", text: "Below.", signature: "c2lnbmVk"},
    schema: {text: '{"city": "Kiel", "days": 2}'},
    refusal: {text: "That I will not say.", finish: "refusal"},
};
/// What an answer by a schema must be like, and is.
export const schema = {type: "object", required: ["city", "days"], additionalProperties: false,
                       properties: {city: {type: "string"}, days: {type: "integer"}}};
export const city = {city: "Kiel", days: 2};

export const toolResult = "7 degrees";
export const vector = [0.25, -0.5, 1, 2];

/// The case that a request asks for stands in its text: "#tools", "#busy:7".
export function caseOf(turns) {
    const found = /#([a-z0-9]+)(?::([\w-]+))?/.exec(JSON.stringify(turns ?? ""));
    return {name: found?.[1] ?? "", id: found?.[2] ?? ""};
}

/// 8 pixels that are a PNG.
export const png = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAABCAIAAABsYngUAAAAEUlEQVR4nGP4z8DwHwj+MwAAH+wE" +
    "/OehbqUAAAAASUVORK5CYII=";
export const longPrompt = "#long " + "Der Kiel liegt unten. 静か ".repeat(7_000);
