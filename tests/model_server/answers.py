"""The text of an answer as a function of the prompt, and where it goes on when part of it was already said."""

from __future__ import annotations

import hashlib
import math
import re
from typing import Any

from tests.model_server.script import Behaviour

Message = dict[str, Any]

CONTINUE = re.compile(r"\b(go on|continue)\b", re.IGNORECASE)
SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
WORD = re.compile(r"\w+")


def tokens_of(text: str) -> list[str]:
    """Words with the space that follows them."""
    return re.findall(r"\S+\s*|\s+", text)


def text_of(content: Any) -> str:
    """The text of a message's content: a string, or parts."""
    if isinstance(content, str):
        return content

    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))

    return ""


def answer(behaviour: Behaviour, messages: list[Message]) -> str:
    """What is (still) to be said: the scripted text, less what an assistant message at the end has said of it."""
    asked, said = split_continuation(messages)
    whole = whole_answer(behaviour, asked)
    if not said:
        return whole

    rest = whole.removeprefix(said)
    if behaviour.overlap:
        rest = "".join(tokens_of(said)[-behaviour.overlap :]) + rest

    return rest


def split_continuation(messages: list[Message]) -> tuple[list[Message], str]:
    """The prompt proper, and what was already said: an assistant message at the end, or one followed by a word to go on."""
    if messages[-1].get("role") == "assistant":
        return messages[:-1], text_of(messages[-1].get("content"))

    if (
        len(messages) > 1
        and messages[-2].get("role") == "assistant"
        and messages[-1].get("role") != "tool"
        and CONTINUE.search(text_of(messages[-1].get("content")))
    ):
        return messages[:-2], text_of(messages[-2].get("content"))

    return messages, ""


def whole_answer(behaviour: Behaviour, messages: list[Message]) -> str:
    """The whole scripted text for a prompt."""
    question = next((text_of(m.get("content")) for m in reversed(messages) if m.get("role") == "user"), "")
    if behaviour.mode == "echo":
        return question

    if behaviour.mode == "say":
        return behaviour.text

    # What the user says last counts too: "My dog is called Rex. What did I say?" can be answered from itself.
    sentences = [
        sentence.strip()
        for message in messages
        for sentence in SENTENCE.findall(text_of(message.get("content")))
        if sentence.strip() and not sentence.rstrip().endswith("?")
    ]
    if behaviour.mode == "find":
        wanted = [word.lower() for word in behaviour.words]
        found = [sentence for sentence in sentences if all(word in sentence.lower() for word in wanted)]
        return found[-1] if found else behaviour.text

    asked = {word for word in WORD.findall(question.lower()) if len(word) > 3}
    scored = [
        (len(asked & set(WORD.findall(sentence.lower()))), i) for i, sentence in enumerate(sentences) if sentence != question
    ]
    best = max(scored, default=(0, 0))
    return sentences[best[1]] if best[0] else behaviour.text


def vector(text: str, dimensions: int = 64) -> list[float]:
    """A bag of hashed words, of length one: texts that share words are near each other."""
    values = [0.0] * dimensions
    for word in WORD.findall(text.lower()):
        digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
        values[int.from_bytes(digest[:4], "big") % dimensions] += 1.0 if digest[4] % 2 else -1.0

    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return [value / length for value in values]
