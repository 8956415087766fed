"""The Python `openai` SDK: one function for each case, called by matrix_job."""
import base64
import json
import struct
import time

import openai
from matrix_job import equal, equal_calls, raises, serve, within

PARAMETERS = {"type": "object", "required": ["city"],
              "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
FUNCTION = {"name": "lookup", "description": "The weather of a city.", "parameters": PARAMETERS}
TOOLS = [{"type": "function", "function": FUNCTION}]


def client(job, **more):
    return openai.OpenAI(**{"base_url": f"{job.root}/v1", "api_key": job.key, "max_retries": 0,
                            **more})


def counted(job):
    return client(job, max_retries=2, default_headers={"x-case": job.id})


def ask(text):
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]


def chat(job, text, **more):
    return client(job).chat.completions.create(
        **{"model": job.model, "messages": ask(text), "max_completion_tokens": 500, **more})


def check_usage(job, got):
    within(got.prompt_tokens, job.usage["prompt"])
    within(got.completion_tokens, job.usage["completion"])
    within(got.prompt_tokens_details.cached_tokens, job.usage["cached"])
    details = got.completion_tokens_details
    within(details.reasoning_tokens if details else 0, job.usage["thinking"])


def calls_of(message):
    return [{"id": call.id, "name": call.function.name, "args": json.loads(call.function.arguments)}
            for call in message.tool_calls]


def plain(job):
    answer = chat(job, "#plain")
    equal(answer.model, job.model)
    equal(answer.choices[0].message.content, job.said["plain"]["text"])
    equal(answer.choices[0].finish_reason, "stop")
    check_usage(job, answer.usage)


def stream(job):
    text = ""
    with client(job).chat.completions.stream(
            model=job.model, messages=ask("#plain"), max_completion_tokens=500,
            stream_options={"include_usage": True}) as events:
        for event in events:
            text += event.delta if event.type == "content.delta" else ""
        answer = events.get_final_completion()
    equal(text, job.said["plain"]["text"])
    equal(answer.choices[0].message.content, text)
    equal(answer.choices[0].finish_reason, "stop")
    check_usage(job, answer.usage)


def length(job):
    choice = chat(job, "#length", max_completion_tokens=job.length_tokens).choices[0]
    equal(choice.message.content, job.said["length"]["text"])
    equal(choice.finish_reason, "length")


def tools(job):
    first = chat(job, "#tools", tools=TOOLS).choices[0]
    equal(first.finish_reason, "tool_calls")
    equal_calls(job, calls_of(first.message), "tools")
    turns = ask("#tools") + [first.message] + [
        {"role": "tool", "tool_call_id": call.id, "content": job.tool_result}
        for call in first.message.tool_calls]
    answer = chat(job, "", messages=turns, tools=TOOLS)
    equal(answer.choices[0].message.content, job.said["result"]["text"])


def parallel(job):
    with client(job).chat.completions.stream(
            model=job.model, messages=ask("#parallel"), tools=TOOLS) as events:
        choice = events.until_done().get_final_completion().choices[0]
    equal_calls(job, calls_of(choice.message), "parallel")
    turns = ask("#parallel") + [choice.message] + [
        {"role": "tool", "tool_call_id": call.id, "content": job.tool_result}
        for call in choice.message.tool_calls]
    answer = chat(job, "", messages=turns, tools=TOOLS)
    equal(answer.choices[0].message.content, job.said["result"]["text"])
    equal(choice.finish_reason, "tool_calls")


def thoughts(one):
    return getattr(one, "reasoning_content", None) or getattr(one, "reasoning", None) or ""


def thinking(job):
    wanted = job.said["thinking"]
    answer = chat(job, "#thinking")
    equal(thoughts(answer.choices[0].message), wanted["thinking"])
    equal(answer.choices[0].message.content, wanted["text"])
    check_usage(job, answer.usage)
    deltas = [chunk.choices[0].delta for chunk in chat(job, "#thinking", stream=True)
              if chunk.choices]
    equal("".join(map(thoughts, deltas)), wanted["thinking"])
    equal("".join(delta.content or "" for delta in deltas), wanted["text"])


def refusal(job):
    choice = chat(job, "#refusal").choices[0]
    equal(choice.message.refusal or choice.message.content, job.said["refusal"]["text"])
    equal(choice.finish_reason, "content_filter" if job.kind == "A" else "stop")


def schema(job):
    answer = client(job).chat.completions.parse(
        model=job.model, messages=ask("#schema"), response_format={
            "type": "json_schema",
            "json_schema": {"name": "place", "strict": True, "schema": job.schema}})
    equal(json.loads(answer.choices[0].message.content), job.city)


def image(job):
    content = [{"type": "text", "text": "#image"},
               {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{job.png}"}}]
    answer = chat(job, "", messages=[{"role": "user", "content": content}])
    equal(answer.choices[0].message.content, job.saw)


def long(job):
    equal(chat(job, job.long_prompt).choices[0].message.content, "read all of it")


def several(job):
    texts = [choice.message.content for choice in chat(job, "#plain", n=2).choices]
    equal(texts, [job.said["plain"]["text"]] * 2)


def logprobs(job):
    answer = chat(job, "#plain", logprobs=True, top_logprobs=2)
    content = answer.choices[0].logprobs.content
    if job.kind != "L":
        equal(content[0].logprob, -0.25)
        return
    equal(bytes(byte for one in content for byte in one.bytes).decode(), job.said["plain"]["text"])
    assert all(-0.001 < one.logprob <= 0 for one in content), content


def completions(job):
    asked = {"model": job.model, "prompt": "#plain", "max_tokens": 50}
    answer = client(job).completions.create(**asked)
    equal(answer.choices[0].text, job.said["plain"]["text"])
    chunks = client(job).completions.create(**asked, stream=True)
    equal("".join(chunk.choices[0].text for chunk in chunks if chunk.choices),
          job.said["plain"]["text"])


def calling(job):
    return {"model": job.model, "input": "#parallel",
            "tools": [{"type": "function", "strict": False, **FUNCTION}]}


def check_calls(job, response):
    equal_calls(job, [{"id": item.call_id, "name": item.name, "args": json.loads(item.arguments)}
                      for item in response.output], "parallel")


def responding(job):
    with client(job).responses.stream(**calling(job)) as events:
        check_calls(job, events.until_done().get_final_response())


def responses(job):
    resource = client(job).responses
    answer = resource.create(model=job.model, input="#plain", store=False)
    equal(answer.output_text, job.said["plain"]["text"])
    within(answer.usage.input_tokens, job.usage["prompt"])
    check_calls(job, resource.create(**calling(job)))
    error = raises(openai.BadRequestError, lambda: resource.create(
        model=job.model, input="#plain", previous_response_id="resp_1"))
    equal(error.param, "previous_response_id")


def embeddings(job):
    for more in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"}):
        answer = client(job).embeddings.create(model=job.model, input=["one", "two"], **more)
        got = [one.embedding if isinstance(one.embedding, list) else
               list(struct.unpack(f"<{len(job.vectors[0])}f", base64.b64decode(one.embedding)))
               for one in answer.data]
        for vector, wanted in zip(got, job.vectors, strict=True):
            assert all(abs(a - b) < 1e-6 for a, b in zip(vector, wanted, strict=True)), vector
        equal(answer.usage.prompt_tokens, 8)


def models(job):
    ids = {model.id for model in client(job).models.list()}
    assert {"worker", "api", "claude"} <= ids, ids
    equal(client(job).models.retrieve("claude").id, "claude")


def abort(job):
    pieces = 0
    chunks = chat(job, f"#slow:{job.id}", stream=True, max_completion_tokens=2000)
    for chunk in chunks:
        pieces += bool(chunk.choices and chunk.choices[0].delta.content)
        if pieces == job.pieces_read:
            break
    left = time.time() * 1000
    chunks.close()
    return left


def leave(job):
    raises(openai.APITimeoutError, lambda: client(job, timeout=0.5).chat.completions.create(
        model=job.model, messages=ask(f"#hold:{job.id}")))
    return time.time() * 1000


def again(name):
    def run(job):
        answer = counted(job).chat.completions.create(
            model=job.model, messages=ask(f"#{name}:{job.id}"))
        equal(answer.choices[0].message.content, job.said["plain"]["text"])
    return run


def quota(job):
    error = raises(openai.RateLimitError, lambda: counted(job).chat.completions.create(
        model=job.model, messages=ask(f"#quota:{job.id}")))
    equal(error.code, "insufficient_quota")


def context(job):
    error = raises(openai.BadRequestError, lambda: chat(job, job.too_long))
    equal(error.code, "context_length_exceeded")
    equal(error.param, "messages")


def credential(job):
    error = raises(openai.InternalServerError, lambda: chat(job, "#credential"))
    equal(error.status_code, 502)


def cut(job):
    chunks = []
    error = raises(openai.APIError, lambda: chunks.extend(chat(job, "#cut", stream=True)))
    equal(error.code, "source_cut")
    assert not isinstance(error, openai.APIStatusError)


def fails(job):
    chunks = []
    error = raises(openai.APIError, lambda: chunks.extend(chat(job, "#fails", stream=True)))
    equal(error.type, "server_error")
    assert chunks


def key(job):
    stranger = client(job, api_key="ek-wrong")
    error = raises(openai.AuthenticationError, lambda: stranger.chat.completions.create(
        model=job.model, messages=ask("#plain")))
    equal(error.code, "invalid_api_key")


def unknown(job):
    error = raises(openai.NotFoundError, lambda: chat(job, "#plain", model="gone"))
    equal(error.code, "model_not_found")


def batches(job):
    error = raises(openai.NotFoundError, lambda: counted(job).batches.create(
        input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h"))
    equal(error.code, "unsupported_endpoint")


serve({**{name: value for name, value in globals().items() if callable(value)},
       **{name: again(name) for name in ("busy", "bare", "overloaded")}})
