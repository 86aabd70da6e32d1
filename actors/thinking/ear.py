"""Ear: what a model says of one choice, with the public part told from the private one. Knows no actor.

Reasoning comes in fields of its own, by several names, or in tags within the text. Either way it is collected here, and
reaches the public pieces only as `reasoning_content`, for a client that asked for it.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import JsonValue

from actors.llm.messages import Delta
from actors.private_reasoning import Apart, Sieve
from actors.thinking.openings import Begins, begins_like_reasoning

__all__ = ["PRIVATE_FIELDS", "Ear"]

PRIVATE_FIELDS: Final = frozenset(
    {
        "reasoning_content",
        "reasoning",
        "reasoning_details",
        "reasoning_text",
        "reasoning_summary",
        "thinking",
        "thinking_blocks",
        "thought",
        "thoughts",
    }
)
"""Where endpoints put reasoning: DeepSeek's and vLLM's name, OpenRouter's, Ollama's, LiteLLM's."""

LONGEST_REASONING: Final = 65_536
"""Characters of reasoning that are kept of one choice; the rest goes by."""


class Ear:
    """One choice.

    Args:
        literal: the user asked for a tag by its name; see private_reasoning.py.
        begins: whether the model begins in the middle of reasoning, without an opening tag. Where that is unknown, what
            begins like reasoning is held back as if it did.
        show: the client asked for the reasoning.
    """

    def __init__(self, *, literal: bool, begins: Begins, show: bool) -> None:
        self.begun = begins == "in_reasoning"
        self.sieve = Sieve(literal=literal, begun=self.begun)
        self.literal = literal
        self.opening: str | None = "" if begins == "unknown" else None
        """What has come so far, while it is not known how it begins; None: it is."""

        self.show = show
        self.raw: list[str] = []
        """Everything as it came: what a continuation is told."""

        self.public: list[str] = []
        self.reasoned: list[str] = []
        self.kept = 0
        self.logprobs: dict[str, list[Any]] = {}
        """Log probabilities of pieces that are held back."""

    def hear(self, delta: Delta) -> tuple[dict[str, JsonValue], JsonValue]:
        """What of a piece is public by now, and the log probabilities that belong to it."""
        said = {name: value for name, value in delta.delta.items() if name not in PRIVATE_FIELDS}
        private = "".join(text for name in delta.delta if name in PRIVATE_FIELDS and (text := text_in(delta.delta[name])))
        if private and not self.raw:
            # Its server tells reasoning apart by itself.
            self.opening = None
            if self.begun:
                self.begun = False
                self.sieve = Sieve(literal=self.literal)

        content = said.get("content")
        if isinstance(content, str) and content:
            self.raw.append(content)
            known = self.begin(content)
            apart = self.sieve.feed(known)
            private += apart.private
            said = self.heard(said, apart.public)

        return self.shown(said, private), self.chances(delta.logprobs, out=bool(said.get("content")))

    def end(self, *, whole: bool) -> tuple[dict[str, JsonValue], JsonValue]:
        """What was held back to the end."""
        known = self.begin("", final=True)
        first = self.sieve.feed(known)
        last = self.sieve.close(whole=whole)
        apart = Apart(first.public + last.public, first.private + last.private)
        said = self.shown(self.heard({}, apart.public), apart.private)
        return said, self.chances(None, out=bool(apart.public))

    def begin(self, content: str, *, final: bool = False) -> str:
        """What of a text the sieve is given by now: nothing while its beginning may become that of reasoning."""
        if self.opening is None:
            return content

        self.opening += content
        alike = begins_like_reasoning(self.opening)
        if alike is None and not final:
            return ""

        begun, self.opening = self.opening, None
        if alike:
            self.begun = True
            self.sieve = Sieve(literal=self.literal, begun=True)
        return begun

    def heard(self, said: dict[str, JsonValue], public: str) -> dict[str, JsonValue]:
        """A delta with the public text in place of the whole one."""
        if public:
            self.public.append(public)
            return {**said, "content": public}

        return {name: value for name, value in said.items() if name != "content"}

    def shown(self, said: dict[str, JsonValue], private: str) -> dict[str, JsonValue]:
        """A delta with its reasoning, where that was asked for."""
        if not private:
            return said

        if self.kept < LONGEST_REASONING:
            self.reasoned.append(private[: LONGEST_REASONING - self.kept])
            self.kept += len(private)
        return {**said, "reasoning_content": private} if self.show else said

    def chances(self, given: JsonValue, *, out: bool) -> JsonValue:
        """Log probabilities spell the tokens out: they go out with their text, and not at all once there is reasoning."""
        if given is None and not self.logprobs:
            return None
        if self.sieve.found or not (isinstance(given, dict) or given is None):
            self.logprobs.clear()
            return None

        for name, entries in (given or {}).items():
            if isinstance(entries, list):
                self.logprobs.setdefault(name, []).extend(entries)
        if not out or self.opening or self.sieve.holds:
            return None

        ready, self.logprobs = self.logprobs, {}
        return dict(ready)

    @property
    def text(self) -> str:
        """What was said in public."""
        return "".join(self.public)

    @property
    def reasoning(self) -> str:
        """What was said in private, up to a bound."""
        return "".join(self.reasoned)


def text_in(value: JsonValue) -> str:
    """The text of a reasoning field, whatever its form."""
    match value:
        case str():
            return value
        case list():
            return "".join(text_in(item) for item in value)
        case dict():
            return "".join(text_in(value[name]) for name in ("text", "thinking", "summary", "content") if name in value)
        case _:
            return ""
