"""How an answer looks in OpenAI's Responses and in Ollama's own dialect."""

from __future__ import annotations

import json
from typing import Any

from tests.model_server.answers import Message, tokens_of
from tests.model_server.wire import OpenAI, Said, halves, named


class Responses:
    """OpenAI's Responses."""

    stream_type = "text/event-stream; charset=utf-8"
    garbage = b'data: {"type": "response.outp\n\n'
    streams_unless_told = False
    error = staticmethod(OpenAI.error)

    @staticmethod
    def limit(body: dict[str, Any]) -> Any:
        return body.get("max_output_tokens")

    @staticmethod
    def messages(body: dict[str, Any]) -> list[Message]:
        items = [item for item in body["input"] if item.get("type", "message") == "message"]
        return [{"role": item["role"], "content": item["content"]} for item in items]

    @staticmethod
    def error_event(status: int, message: str) -> bytes:
        return named("error", code=str(status), message=message, param=None, sequence_number=9)

    @staticmethod
    def refused(body: dict[str, Any]) -> str | None:
        wrong = [key for key in ("messages", "max_tokens", "stop", "n") if key in body]
        return f"{wrong[0]}: unknown parameter" if wrong else None

    def body(self, said: Said) -> dict[str, Any]:
        return self.envelope(said, self.output(said), "incomplete" if said.finish_reason == "length" else "completed")

    @staticmethod
    def envelope(said: Said, output: list[Message], status: str) -> dict[str, Any]:
        done = len(said.tokens)
        counts = {"input_tokens": said.prompt_tokens, "output_tokens": done, "total_tokens": said.prompt_tokens + done}
        return {
            "id": said.id,
            "object": "response",
            "created_at": 1_750_000_000,
            "model": said.model,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "output": output,
            "usage": counts if said.usage and status != "in_progress" else None,
        }

    @staticmethod
    def output(said: Said) -> list[Message]:
        items: list[Message] = []
        if said.reasoning:
            items.append({"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": said.reasoning}]})
        if said.tokens:
            content = [{"type": "output_text", "text": said.text, "annotations": []}]
            items.append({"type": "message", "id": "msg", "role": "assistant", "status": "completed", "content": content})
        return items + [
            {
                "type": "function_call",
                "id": f"fc_{n}",
                "call_id": call["id"],
                "name": call["name"],
                "arguments": call["arguments"],
                "status": "completed",
            }
            for n, call in enumerate(said.tool_calls)
        ]

    def events(self, said: Said, body: dict[str, Any]) -> tuple[list[bytes], list[bytes], list[bytes]]:
        """The stream's head, its tokens, and its end."""
        del body
        head = [named("response.created", response=self.envelope(said, [], "in_progress"))]
        tokens: list[bytes] = []
        for place, item in enumerate(self.output(said)):
            match item["type"]:
                case "reasoning":
                    kind = "response.reasoning_summary_text.delta"
                    head += [named(kind, output_index=place, delta=piece) for piece in tokens_of(said.reasoning)]
                case "message":
                    head.append(named("response.output_item.added", output_index=place, item={**item, "content": []}))
                    tokens += [named("response.output_text.delta", output_index=place, delta=t) for t in said.tokens]
                case _:
                    begun = named("response.output_item.added", output_index=place, item={**item, "arguments": ""})
                    kind = "response.function_call_arguments.delta"
                    tokens += [begun, *(named(kind, output_index=place, delta=piece) for piece in halves(item["arguments"]))]

        whole = self.body(said)
        return head, tokens, [named(f"response.{whole['status']}", response=whole)]


class Ollama:
    """Ollama's chat: an object a line."""

    stream_type = "application/x-ndjson"
    garbage = b'{"model": "scri\n'
    streams_unless_told = True
    refused = staticmethod(OpenAI.refused)
    messages = staticmethod(OpenAI.messages)

    @staticmethod
    def limit(body: dict[str, Any]) -> Any:
        return (body.get("options") or {}).get("num_predict")

    @staticmethod
    def error(status: int, message: str) -> dict[str, Any]:
        del status
        return {"error": message}

    def error_event(self, status: int, message: str) -> bytes:
        return line(self.error(status, message))

    @staticmethod
    def embeddings(body: dict[str, Any]) -> dict[str, Any]:
        vectors = [row["embedding"] for row in body["data"]]
        return {"model": body["model"], "embeddings": vectors, "prompt_eval_count": body["usage"]["prompt_tokens"]}

    def body(self, said: Said) -> dict[str, Any]:
        message: Message = {"role": "assistant", "content": said.text}
        if said.reasoning:
            message["thinking"] = said.reasoning
        if said.tool_calls:
            message["tool_calls"] = [self.call(call) for call in said.tool_calls]
        return self.end(said, message)

    @staticmethod
    def call(call: dict[str, str]) -> Message:
        return {"id": call["id"], "function": {"name": call["name"], "arguments": json.loads(call["arguments"])}}

    @staticmethod
    def end(said: Said, message: Message) -> dict[str, Any]:
        counts = {"prompt_eval_count": said.prompt_tokens, "eval_count": len(said.tokens)} if said.usage else {}
        reason = "length" if said.finish_reason == "length" else "stop"
        return {"model": said.model, "message": message, "done": True, "done_reason": reason, **counts}

    def events(self, said: Said, body: dict[str, Any]) -> tuple[list[bytes], list[bytes], list[bytes]]:
        """The stream's head, its tokens, and its end."""
        del body
        empty = {"role": "assistant", "content": ""}
        head = [self.piece(said, {**empty, "thinking": piece}) for piece in tokens_of(said.reasoning)]
        tokens = [self.piece(said, {**empty, "content": token}) for token in said.tokens]
        tokens += [self.piece(said, {**empty, "tool_calls": [self.call(call)]}) for call in said.tool_calls]
        return head, tokens, [line(self.end(said, empty))]

    @staticmethod
    def piece(said: Said, message: Message) -> bytes:
        return line({"model": said.model, "message": message, "done": False})


def line(data: Any) -> bytes:
    return json.dumps(data).encode() + b"\n"
