"""OpenAI's chat completions and embeddings, as many servers speak them. The internal form is theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from actors.llm.continuation import instructed, prefilled
from actors.llm.dialects.dialect import Listed, Request, error_failure, parsed
from actors.llm.dialects.tool_calls import ToolCalls
from actors.llm.failure import Failure
from actors.llm.form import Asked, Counted, Event, Finish, Piece
from actors.llm.messages import ChatMessage

ANTHROPICS_MOST, MOST = "max", "xhigh"
"""The most effort there is, in Anthropic's word and in OpenAI's."""

OURS = {"model", "messages", "stream", "stream_options"}
"""Fields of the body that options do not set."""

BROKEN_OFF = {"abort", "error"}
"""Finish reasons of answers that have not finished: vLLM's and SGLang's, and OpenRouter's."""


class OpenAI:
    """As in https://platform.openai.com/docs/api-reference/chat."""

    embeds = True
    models_path = "/models"
    stream_type = "text/event-stream"
    continuation: Literal["prefill", "instruction"] = "instruction"

    def base_url(self, url: str) -> str:
        """The URL as it is."""
        return url

    def headers(self, key: str | None) -> dict[str, str]:
        """What identifies us."""
        return {"Authorization": f"Bearer {key}"} if key else {}

    def generate(self, asked: Asked) -> Request:
        """A chat completion."""
        messages = list(asked.messages)
        if asked.said:
            go_on = prefilled if asked.continuation == "prefill" else instructed
            messages = go_on(messages, asked.said)

        body = {name: value for name, value in asked.options.items() if name not in OURS and not is_anthropics(name, value)}
        if body.get("reasoning_effort") == ANTHROPICS_MOST:
            body["reasoning_effort"] = MOST

        # OpenRouter and its like take the mark for Anthropic's models, which they name so; others refuse it.
        kept = asked.model.startswith("anthropic/")
        body |= {"model": asked.model, "messages": messages if kept else [unmarked(message) for message in messages]}
        if asked.stream:
            body |= {"stream": True} | ({"stream_options": {"include_usage": True}} if asked.counted else {})

        return Request("/chat/completions", body)

    def reader(self) -> OpenAIReader:
        """A reader for one answer."""
        return OpenAIReader()

    def embed(self, model: str, texts: Sequence[str], options: Mapping[str, Any]) -> Request:
        """An embedding, as floats."""
        return Request("/embeddings", {**options, "model": model, "input": list(texts), "encoding_format": "float"})

    def embedded(self, body: Any) -> Any:
        """As it is."""
        return body

    def models(self, body: Any) -> list[Listed]:
        """What it lists."""
        listed = body.get("data") if isinstance(body, dict) else None
        if not isinstance(listed, list):
            raise Failure("its list of models has an unknown form")

        return [
            Listed(str(model["id"])[:256], number(model.get("created")) or 0)
            for model in listed[:10_000]
            if isinstance(model, dict) and model.get("id")
        ]

    def told(self, body: Any) -> str:
        """The error's message, where there is one."""
        error = body.get("error") or body.get("message") or body.get("detail") if isinstance(body, dict) else None
        return str(error.get("message") or "") if isinstance(error, dict) else str(error or "")


def unmarked(message: ChatMessage) -> ChatMessage:
    """A message without Anthropic's marks of what is to be cached."""
    content = message.get("content")
    if not isinstance(content, list) or not any(isinstance(part, dict) and "cache_control" in part for part in content):
        return message

    def bare(part: Any) -> Any:
        return {name: value for name, value in part.items() if name != "cache_control"} if isinstance(part, dict) else part

    return {**message, "content": [bare(part) for part in content]}


def is_anthropics(name: str, value: Any) -> bool:
    """Whether an option is Anthropic's word for what another says here (reasoning_effort, response_format), or none does.

    `thinking` of other vendors' models, which has neither a budget nor adapts, is theirs.
    """
    match name:
        case "thinking":
            return isinstance(value, dict) and ("budget_tokens" in value or value.get("type") == "adaptive")
        case "output_config" | "thinking_disabled" | "context_management" | "diagnostics":
            return True
        case "service_tier":
            return bool(value == "standard_only")
        case _:
            return name == "cache_control" and isinstance(value, dict)


class OpenAIReader:
    """Reads chat.completion.chunk events, or one chat.completion."""

    def __init__(self) -> None:
        self.ended = False
        self.calls: dict[int, ToolCalls] = {}
        """By choice."""

    def event(self, data: str) -> Iterator[Event]:
        """One event."""
        if data.startswith("[DONE]"):
            self.ended = True
            return

        yield from self.chunk(parsed(data), "delta")

    def whole(self, body: Any) -> Iterator[Event]:
        """A completion that did not come as a stream."""
        if not isinstance(body, dict) or not body.get("choices"):
            raise (
                error_failure(body["error"])
                if isinstance(body, dict) and body.get("error")
                else Failure("an answer without choices")
            )

        yield from self.chunk(body, "message")
        self.ended = True

    def chunk(self, chunk: Any, part: Literal["delta", "message"]) -> Iterator[Event]:
        """A chunk of a stream, or a whole completion: they differ in one name."""
        if not isinstance(chunk, dict):
            raise Failure("a piece of its answer has an unknown form")

        if chunk.get("error"):
            raise error_failure(chunk["error"])

        yield from counted(chunk)
        for choice in chunk.get("choices") or ():
            index = number(choice.get("index")) or 0
            delta = said(choice.get(part) or {})
            if "tool_calls" in delta:
                # A whole completion has whole calls, one after the other, under whatever number.
                calls = self.calls.setdefault(index, ToolCalls()) if part == "delta" else ToolCalls(whole=True)
                delta["tool_calls"] = list(calls.numbered(delta["tool_calls"]))

            if delta or choice.get("logprobs"):
                yield Piece(index, delta, choice.get("logprobs"))

            reason = choice.get("finish_reason")
            if reason in BROKEN_OFF:
                raise Failure(f"its answer broke off: {reason}", passing=True)

            if reason:
                yield Finish(index, str(reason)[:64])


def said(delta: dict[str, Any]) -> dict[str, Any]:
    """What a delta says: without the role, and without fields that say nothing."""
    kept = {name: value for name, value in delta.items() if name != "role" and value not in (None, "", [])}
    for name in ("reasoning", "thinking"):
        # Other servers' names for what DeepSeek calls reasoning_content.
        if isinstance(kept.get(name), str):
            kept.setdefault("reasoning_content", kept[name])
            del kept[name]

    if isinstance(kept.get("content"), list):
        kept |= in_parts(kept.pop("content"))

    if "tool_calls" in kept and not isinstance(kept["tool_calls"], list):
        raise Failure("tool calls of an unknown form")

    return kept


def in_parts(parts: list[Any]) -> dict[str, str]:
    """A content that comes in parts, as Mistral sends it: its text, and its thinking apart."""
    texts: dict[str, str] = {}
    for part in parts:
        name = "reasoning_content" if part.get("type") in {"thinking", "reasoning"} else "content"
        inner = part.get("thinking", part.get("text"))
        text = "".join(str(one.get("text") or "") for one in inner) if isinstance(inner, list) else str(inner or "")
        if text:
            texts[name] = texts.get(name, "") + text

    return texts


def counted(chunk: dict[str, Any]) -> Iterator[Counted]:
    """Tokens and the model's name, where the chunk gives them."""
    model = chunk["model"][:256] if isinstance(chunk.get("model"), str) else None
    usage = chunk.get("usage")
    if isinstance(usage, dict):
        prompt, completion = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
        yield Counted(
            number(usage.get("prompt_tokens")),
            number(usage.get("completion_tokens")),
            model,
            number(prompt.get("cached_tokens")) if isinstance(prompt, dict) else None,
            number(completion.get("reasoning_tokens")) if isinstance(completion, dict) else None,
        )
    elif model is not None:
        yield Counted(model=model)


def number(value: Any) -> int | None:
    """A count, or None where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else None
