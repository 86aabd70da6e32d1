"""How an answer looks in each dialect: as one body, and as the events of a stream."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from tests.model_server.answers import Message, text_of, tokens_of

ids = itertools.count(1)


@dataclass(slots=True)
class Said:
    """What is to be sent."""

    model: str
    tokens: list[str]
    reasoning: str
    tool_calls: list[dict[str, str]]
    finish_reason: str
    prompt_tokens: int
    usage: bool
    choices: int = 1
    id: str = field(default_factory=lambda: f"scripted-{next(ids)}")

    @property
    def text(self) -> str:
        return "".join(self.tokens)


class OpenAI:
    """Chat completions."""

    stream_type = "text/event-stream; charset=utf-8"
    garbage = b'data: {"id": "scripted", "choi\n\n'
    streams_unless_told = False

    @staticmethod
    def limit(body: dict[str, Any]) -> Any:
        return body.get("max_completion_tokens") or body.get("max_tokens")

    @staticmethod
    def messages(body: dict[str, Any]) -> list[Message]:
        return list(body["messages"])

    @staticmethod
    def error(status: int, message: str) -> dict[str, Any]:
        return {"error": {"message": message, "type": "scripted_error", "param": None, "code": str(status)}}

    def error_event(self, status: int, message: str) -> bytes:
        return event(self.error(status, message))

    @staticmethod
    def refused(body: dict[str, Any]) -> str | None:
        unknown = {message.get("role") for message in body["messages"]} - {"system", "developer", "user", "assistant", "tool"}
        return f"messages: unknown role {unknown.pop()!r}" if unknown else None

    def body(self, said: Said) -> dict[str, Any]:
        message: Message = {"role": "assistant", "content": said.text or None, "refusal": None}
        if said.reasoning:
            message["reasoning_content"] = said.reasoning

        if said.tool_calls:
            message["tool_calls"] = [
                {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}}
                for call in said.tool_calls
            ]

        choices = [
            {"index": i, "message": message, "finish_reason": said.finish_reason, "logprobs": None} for i in range(said.choices)
        ]
        whole = {"id": said.id, "object": "chat.completion", "created": 1_750_000_000, "model": said.model, "choices": choices}
        return whole | ({"usage": self.usage(said)} if said.usage else {})

    @staticmethod
    def usage(said: Said) -> dict[str, int]:
        done = len(said.tokens) * said.choices
        return {"prompt_tokens": said.prompt_tokens, "completion_tokens": done, "total_tokens": said.prompt_tokens + done}

    def events(self, said: Said, body: dict[str, Any]) -> tuple[list[bytes], list[bytes], list[bytes]]:
        """The stream's head, its tokens, and its end."""
        each = range(said.choices)
        head = [self.chunk(said, {"role": "assistant", "content": ""}, i) for i in each]
        if said.reasoning:
            head += [self.chunk(said, {"reasoning_content": piece}, 0) for piece in tokens_of(said.reasoning)]

        tokens = [b"".join(self.chunk(said, {"content": token}, i) for i in each) for token in said.tokens]
        for n, call in enumerate(said.tool_calls):
            function = {"name": call["name"], "arguments": ""}
            tokens.append(
                self.chunk(said, {"tool_calls": [{"index": n, "id": call["id"], "type": "function", "function": function}]}, 0)
            )
            tokens += [
                self.chunk(said, {"tool_calls": [{"index": n, "function": {"arguments": piece}}]}, 0)
                for piece in halves(call["arguments"])
            ]

        end = [self.chunk(said, {}, i, said.finish_reason) for i in each]
        if said.usage and (body.get("stream_options") or {}).get("include_usage"):
            end.append(event({**self.base(said), "choices": [], "usage": self.usage(said)}))

        return head, tokens, [*end, b"data: [DONE]\n\n"]

    @staticmethod
    def base(said: Said) -> dict[str, Any]:
        return {"id": said.id, "object": "chat.completion.chunk", "created": 1_750_000_000, "model": said.model}

    def chunk(self, said: Said, delta: Message, index: int, finish: str | None = None) -> bytes:
        return event(
            {**self.base(said), "choices": [{"index": index, "delta": delta, "finish_reason": finish, "logprobs": None}]}
        )


class Anthropic:
    """Messages."""

    stream_type = "text/event-stream; charset=utf-8"
    garbage = b'data: {"id": "scripted", "choi\n\n'
    streams_unless_told = False

    @staticmethod
    def limit(body: dict[str, Any]) -> Any:
        return body.get("max_completion_tokens") or body.get("max_tokens")

    stop_reasons = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}

    @staticmethod
    def messages(body: dict[str, Any]) -> list[Message]:
        system = text_of(body.get("system"))
        return ([{"role": "system", "content": system}] if system else []) + list(body["messages"])

    @staticmethod
    def error(status: int, message: str) -> dict[str, Any]:
        kind = {429: "rate_limit_error", 529: "overloaded_error", 401: "authentication_error"}.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}}

    def error_event(self, status: int, message: str) -> bytes:
        return b"event: error\n" + event(self.error(status, message))

    @staticmethod
    def refused(body: dict[str, Any]) -> str | None:
        if not isinstance(body.get("max_tokens"), int):
            return "max_tokens: Field required"

        if any(message.get("role") not in {"user", "assistant"} for message in body["messages"]):
            return "messages: Unexpected role"

        last = body["messages"][-1]
        said = text_of(last["content"])
        if last["role"] == "assistant" and said != said.rstrip():
            return "messages: final assistant content cannot end with trailing whitespace"

        return None

    def body(self, said: Said) -> dict[str, Any]:
        content: list[Message] = []
        if said.reasoning:
            content.append({"type": "thinking", "thinking": said.reasoning, "signature": "scripted"})

        if said.text:
            content.append({"type": "text", "text": said.text})

        content += [
            {"type": "tool_use", "id": call["id"], "name": call["name"], "input": json.loads(call["arguments"])}
            for call in said.tool_calls
        ]

        return self.envelope(said, content, self.stop_reasons.get(said.finish_reason, said.finish_reason), len(said.tokens))

    @staticmethod
    def envelope(said: Said, content: list[Message], stop: str | None, done: int) -> dict[str, Any]:
        return {
            "id": said.id,
            "type": "message",
            "role": "assistant",
            "model": said.model,
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {"input_tokens": said.prompt_tokens, "output_tokens": done},
        }

    def events(self, said: Said, body: dict[str, Any]) -> tuple[list[bytes], list[bytes], list[bytes]]:
        """The stream's head, its tokens, and its end."""
        del body
        head = [named("message_start", message=self.envelope(said, [], None, 1)), named("ping")]
        tokens: list[bytes] = []
        blocks = itertools.count()
        if said.reasoning:
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in tokens_of(said.reasoning)]
            head += self.block(next(blocks), {"type": "thinking", "thinking": "", "signature": ""}, deltas)

        if said.tokens:
            block = self.block(
                next(blocks), {"type": "text", "text": ""}, [{"type": "text_delta", "text": t} for t in said.tokens]
            )
            head.append(block[0])
            tokens += [*block[1:-2], block[-2] + block[-1]]

        for call in said.tool_calls:
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *halves(call["arguments"])]]
            tokens += self.block(
                next(blocks), {"type": "tool_use", "id": call["id"], "name": call["name"], "input": {}}, deltas
            )

        stop = {"stop_reason": self.stop_reasons.get(said.finish_reason, said.finish_reason), "stop_sequence": None}
        usage = {"output_tokens": len(said.tokens)}
        return head, tokens, [named("message_delta", delta=stop, usage=usage), named("message_stop")]

    @staticmethod
    def block(index: int, start: Message, deltas: list[Message]) -> list[bytes]:
        return [
            named("content_block_start", index=index, content_block=start),
            *(named("content_block_delta", index=index, delta=delta) for delta in deltas),
            named("content_block_stop", index=index),
        ]


def halves(text: str) -> list[str]:
    """Split JSON arguments where no token ends."""
    return [text[: len(text) // 2], text[len(text) // 2 :]]


def event(data: Any) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def named(name: str, **data: Any) -> bytes:
    return b"event: " + name.encode() + b"\n" + event({"type": name, **data})
