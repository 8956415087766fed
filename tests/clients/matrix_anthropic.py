"""The Python `anthropic` SDK: one function for each case, called by matrix_job."""
import json
import time

import anthropic
from matrix_job import equal, equal_calls, raises, serve, within

SCHEMA = {"type": "object", "required": ["city"],
          "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
TOOLS = [{"name": "lookup", "description": "The weather of a city.", "input_schema": SCHEMA}]


def client(job, **more):
    return anthropic.Anthropic(**{"base_url": job.root, "api_key": job.key, "max_retries": 0,
                                  **more})


def counted(job):
    return client(job, max_retries=2, default_headers={"x-case": job.id})


def wish(job, content, **more):
    return {"model": job.model, "max_tokens": 2000, "system": "Be brief.",
            "messages": [{"role": "user", "content": content}], **more}


def create(job, content, **more):
    return client(job).messages.create(**wish(job, content, **more))


def check_usage(job, got):
    within(got.input_tokens + got.cache_read_input_tokens, job.usage["prompt"])
    within(got.cache_read_input_tokens, job.usage["cached"])
    within(got.output_tokens, job.usage["completion"])
    details = got.output_tokens_details
    within(details.thinking_tokens if details else 0, job.usage["thinking"])


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def calls_of(message):
    return [{"id": block.id, "name": block.name, "args": block.input}
            for block in message.content if block.type == "tool_use"]


def plain(job):
    answer = create(job, "#plain")
    equal(answer.model, job.model)
    equal(text_of(answer), job.said["plain"]["text"])
    equal(answer.stop_reason, "end_turn")
    check_usage(job, answer.usage)


def stream(job):
    with client(job).messages.stream(**wish(job, "#plain")) as events:
        text = "".join(events.text_stream)
        answer = events.get_final_message()
    equal(text, job.said["plain"]["text"])
    equal(text_of(answer), text)
    equal(answer.stop_reason, "end_turn")
    check_usage(job, answer.usage)


def length(job):
    answer = create(job, "#length", max_tokens=job.length_tokens)
    equal(text_of(answer), job.said["length"]["text"])
    equal(answer.stop_reason, "max_tokens")


def tools(job):
    first = create(job, "#tools", tools=TOOLS)
    equal(first.stop_reason, "tool_use")
    calls = calls_of(first)
    equal_calls(job, calls, "tools")
    turns = wish(job, "#tools")["messages"] + [
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call["id"],
                                      "content": job.tool_result} for call in calls]}]
    equal(text_of(create(job, "", messages=turns, tools=TOOLS)), job.said["result"]["text"])
    # By itself the runner has the API keep the conversation, and sends what is new.
    asked = []

    @anthropic.beta_tool
    def lookup(city: str, days: int) -> str:
        """The weather of a city."""
        asked.append({"city": city, "days": days})
        return job.tool_result

    runner = client(job).beta.messages.tool_runner(**wish(job, "#tools", tools=[lookup]))
    equal(text_of(runner.until_done()), job.said["result"]["text"])
    equal(asked, [call["args"] for call in job.said["tools"]["calls"]])


def parallel(job):
    with client(job).messages.stream(**wish(job, "#parallel", tools=TOOLS)) as events:
        answer = events.get_final_message()
    equal_calls(job, calls_of(answer), "parallel")
    equal(answer.stop_reason, "tool_use")
    turns = wish(job, "#parallel")["messages"] + [
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": call["id"], "content": job.tool_result}
            for call in calls_of(answer)]}]
    equal(text_of(create(job, "", messages=turns, tools=TOOLS)), job.said["result"]["text"])


def thinking(job):
    wanted = job.said["thinking"]
    more = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    with client(job).messages.stream(**wish(job, "#thinking", **more)) as events:
        streamed = events.get_final_message()
    for answer in (create(job, "#thinking", **more), streamed):
        equal(answer.content[0].thinking, wanted["thinking"])
        equal(answer.content[0].signature, wanted["signature"] if job.kind == "A" else "")
        equal(text_of(answer), wanted["text"])
        check_usage(job, answer.usage)


def refusal(job):
    answer = create(job, "#refusal")
    equal(text_of(answer), job.said["refusal"]["text"])
    equal(answer.stop_reason, "refusal")


def schema(job):
    answer = create(job, "#schema", output_config={
        "format": {"type": "json_schema", "schema": job.schema}})
    equal(json.loads(text_of(answer)), job.city)


def image(job):
    source = {"type": "base64", "media_type": "image/png", "data": job.png}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "#image"}]
    equal(text_of(create(job, content)), job.saw)


def long(job):
    equal(text_of(create(job, job.long_prompt)), "read all of it")


def count(job):
    def tokens(text):
        return client(job).messages.count_tokens(
            model=job.model, messages=[{"role": "user", "content": text}]).input_tokens
    short, much = tokens("four words of text"), tokens(job.long_prompt)
    assert 0 < short < 50 and 20_000 < much < 200_000, (short, much)


def models(job):
    ids = {model.id for model in client(job).models.list()}
    assert {"worker", "api", "claude"} <= ids, ids
    equal(client(job).models.retrieve("claude").type, "model")


def abort(job):
    pieces = 0
    with client(job).messages.stream(**wish(job, f"#slow:{job.id}")) as events:
        for _ in events.text_stream:
            pieces += 1
            if pieces == job.pieces_read:
                break
        left = time.time() * 1000
    return left


def leave(job):
    raises(anthropic.APITimeoutError, lambda: client(job, timeout=0.5).messages.create(
        **wish(job, f"#hold:{job.id}")))
    return time.time() * 1000


def again(name):
    def run(job):
        answer = counted(job).messages.create(**wish(job, f"#{name}:{job.id}"))
        equal(text_of(answer), job.said["plain"]["text"])
    return run


def quota(job):
    raises(anthropic.RateLimitError,
           lambda: counted(job).messages.create(**wish(job, f"#quota:{job.id}")))


def context(job):
    error = raises(anthropic.BadRequestError, lambda: create(job, job.too_long))
    equal(error.body["error"]["type"], "invalid_request_error")
    assert error.body["error"]["message"].startswith("prompt is too long"), error.body


def credential(job):
    error = raises(anthropic.InternalServerError, lambda: create(job, "#credential"))
    equal(error.status_code, 502)


def cut(job):
    events = []
    raises(anthropic.APIError, lambda: events.extend(create(job, "#cut", stream=True)))
    assert events


def fails(job):
    events = []
    raises(anthropic.APIError, lambda: events.extend(create(job, "#fails", stream=True)))
    assert events


def key(job):
    stranger = client(job, api_key="ek-wrong")
    raises(anthropic.AuthenticationError,
           lambda: stranger.messages.create(**wish(job, "#plain")))


def unknown(job):
    raises(anthropic.NotFoundError, lambda: create(job, "#plain", model="gone"))


def batches(job):
    raises(anthropic.NotFoundError, lambda: counted(job).messages.batches.create(
        requests=[{"custom_id": "a", "params": wish(job, "#plain")}]))


serve({**{name: value for name, value in globals().items() if callable(value)},
       **{name: again(name) for name in ("busy", "bare", "overloaded")}})
