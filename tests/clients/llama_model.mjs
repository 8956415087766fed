// What the hand-made models of the real engine say: the answers of answers.mjs, in the form that
// llama.cpp knows from models of the Hermes and Qwen families, each after its own cue.
import {said} from "./answers.mjs";
import {cue, cut} from "../engines/tiny_gguf.mjs";

const callText = ({name, args}) => `<tool_call>\n${JSON.stringify({name, arguments: args})
    .replaceAll(/([:,])(?=["{\d])/g, "$1 ")}\n</tool_call>`;
const textOf = ({text = "", thinking, calls = []}) =>
    [...(thinking ? [`<think>${thinking}</think>\n\n`] : []), ...(text ? [text] : []),
     calls.map(callText).join("\n")].join("");

/// By case, the pieces that the model says. The first is what it says when nothing else is asked.
export const chains = cut({
    ...Object.fromEntries(["plain", "tools", "result", "parallel", "thinking", "schema"]
        .map((name) => [name, textOf(said[name])])),
    length: `${said.length.text} never even by itself; somebody has to trim the ship.`,
    slow: "tick tock ",
});

/// Two words in about 60 ms, as often as the limit allows: time to interrupt it.
export const endless = {name: "slow", silent: 30};

/// After so many tokens the model has said what `said.length` is cut to.
export const lengthTokens = (() => {
    let [count, text] = [0, ""];
    while (text !== said.length.text) {
        text += chains.length[count++];
    }
    return count;
})();

export const template = `
{%- set ns = namespace(cue="") -%}
{%- if tools -%}
<|turn|>system
You may call functions, each by <tool_call>
{"name": ..., "arguments": ...}
</tool_call>
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}<|end|>
{% endif -%}
{%- for message in messages -%}
<|turn|>{{ message.role }}
{% if message.reasoning_content -%}
<think>{{ message.reasoning_content }}</think>

{% endif -%}
{{ message.content if message.content else "" }}
{%- for call in message.tool_calls if message.tool_calls -%}
{{ "" if loop.first else "\\n" }}<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|end|>
{% if message.role == "user" and message.content is string -%}
{%- for name in ${JSON.stringify(Object.keys(chains))} -%}
{%- if not ns.cue and "#" + name in message.content -%}
{%- set ns.cue = "<|" + name + "|>" -%}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
<|turn|>assistant
{{ "${cue("result")}" if messages[-1].role == "tool" else ns.cue }}
{%- endif -%}
`;
