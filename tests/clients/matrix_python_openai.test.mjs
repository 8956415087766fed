// The Python `openai` SDK, unchanged, against the daemon with each kind of source behind it.
import {kinds} from "./matrix_stage.mjs";
import {pythonMatrix} from "./python.mjs";

pythonMatrix("python openai", "matrix_openai.py", {
    plain: kinds, stream: kinds, length: kinds, tools: kinds, parallel: kinds, thinking: kinds,
    refusal: kinds, schema: kinds, image: kinds, long: kinds, several: ["W", "O"],
    logprobs: ["W", "O"], completions: ["W", "O"], responses: ["W", "O"],
    responding: ["W", "O"], embeddings: ["W", "O"], models: [], abort: kinds, leave: kinds,
    busy: kinds, bare: kinds, overloaded: kinds, quota: kinds, context: kinds, credential: kinds,
    cut: kinds, fails: kinds, key: [], unknown: [], batches: [],
});
