"""Plain transcripts: `Name: text`, with or without times before it, as messengers write them, or in Markdown.

Markdown is `**Name:** text` or `### Name`. A line that begins no turn goes on with the last one. What looks like a name inside
of what somebody says ("Step 1: ...") is told from one by what the other turns of the file look like: see `Form`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from actors.memory.formats.stamps import is_month_first, time_of
from actors.memory.formats.taken import Broken, Taken, digest, pieces, taken

__all__ = ["begins_stamped", "begins_turn", "read"]

NAME: Final = r"[^\W_][^:*#\[\]<>{}\"|/\\\n]{0,39}?"
BEHIND_A_TIME: Final = r"[^\s:\"\u201c][^:\"\u201c\n]{0,59}?"
"""What stands between a time and a colon is a name whatever it begins with: a telephone number, a tilde, an emoji."""

STAMP: Final = (
    r"(?:\[(?P<in_brackets>[^\]\n]{6,40})\]\s*(?:-\s*)?"
    r"|(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)\s*(?:-\s*)?"
    r"|(?P<dashed>\d{1,4}[./-]\d{1,2}[./-]\d{2,4},?\s+(?:[^\W\d_]{1,5}\s*)?\d{1,2}[:.]\d\d(?:[:.]\d\d)?(?:\s?[APap]\.?\s?[Mm]\.?)?)"
    r"\s*[-\u2013]\s*)"
)
SAYS: Final = r":(?:\s+(?P<text>.*)|$)"
FORMS_OF_TURNS: Final = {
    "stamped": re.compile(rf"^[\u200e\ufeff]?{STAMP}\*{{0,2}}(?P<name>{BEHIND_A_TIME})\*{{0,2}}{SAYS}", re.DOTALL),
    "bold": re.compile(rf"^\ufeff?\*\*(?P<name>{NAME})(?::\*\*|\*\*:)(?:\s+(?P<text>.*)|$)", re.DOTALL),
    "heading": re.compile(rf"^#{{1,4}}\s+(?P<name>{NAME})\s*$"),
    "plain": re.compile(rf"^[\u200e\ufeff]?(?P<name>{NAME}){SAYS}", re.DOTALL),
}
STAMPED: Final = re.compile(rf"^[\u200e\ufeff]?{STAMP}(?P<text>.+)$", re.DOTALL)
ASSISTANTS: Final = frozenset({"assistant", "ai", "bot", "chatgpt", "claude", "gemini", "gpt", "llm", "model"})
USERS: Final = frozenset({"user", "human", "you"})
SYSTEM: Final = "system"
ROLES: Final = ASSISTANTS | USERS | {SYSTEM}
NOT_NAMES: Final = frozenset({"http", "https", "note", "ps", "p.s.", "re", "fwd", "ftp", "mailto"})

BY_THE_MESSENGER: Final = "\u200e"
"""Stands before what a messenger says in somebody's name ("image omitted")."""

Form = Literal["stamped", "bold", "heading", "plain"]
"""How a turn begins. Where the first name has a time before it or is bold, every turn's is; and where a user talks with an
assistant, under these names, nobody else does."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The line that begins a turn."""

    form: Form
    name: str
    stamp: str
    """The time as it is written."""

    text: str


def begins_turn(line: str) -> bool:
    """Whether a line begins a turn."""
    return turn_in(line) is not None


def begins_stamped(line: str) -> bool:
    """Whether a line begins as every line of a messenger's file does: with a time."""
    return STAMPED.match(line) is not None


def turn_in(line: str) -> Turn | None:
    """The turn that a line begins."""
    form: Form
    for form in ("stamped", "bold", "heading", "plain"):
        found = FORMS_OF_TURNS[form].match(line)
        if found is not None:
            break
    else:
        return None
    groups = found.groupdict()
    name = found["name"].strip(" \u200e\u202a\u202c*")
    if name.lower().endswith(" said") and name[:-5].lower() in ROLES:
        name = name[:-5]
    if not name or name.lower() in NOT_NAMES or (form == "stamped" and (groups.get("text") or "").startswith(BY_THE_MESSENGER)):
        return None
    stamp = groups.get("in_brackets") or groups.get("iso") or groups.get("dashed") or ""
    return Turn(form, name, stamp.strip(), (groups.get("text") or "").strip())


def turns_in(lines: list[str]) -> list[Turn | None]:
    """For each line the turn that it begins, in the form that the file's turns have."""
    found = [turn_in(line) for line in lines]
    names = {turn.name.lower() for turn in found if turn is not None}
    if names & USERS and names & ASSISTANTS:
        return [turn if turn is not None and turn.name.lower() in ROLES else None for turn in found]
    form = next((turn.form for turn in found if turn is not None and turn.form != "heading"), "heading")
    forms = {form} if form in {"stamped", "bold"} else {form, "heading"}
    return [turn if turn is not None and turn.form in forms else None for turn in found]


def read(lines: Iterable[str], name: str) -> Iterator[Taken]:
    """A turn for each that somebody says. `name` is the talk's: the same file imported again is known by it."""
    kept: list[str] = list(lines)
    turns = turns_in(kept)
    month_first = is_month_first(turn.stamp for turn in turns if turn is not None)
    speaker: str | None = None
    text: list[str] = []
    begun = stamp = 0, ""
    count = 0

    def turn() -> Iterator[Taken]:
        said = "\n".join(text).strip()
        time = time_of(stamp[1], month_first=month_first)
        unread = {"stamp": stamp[1]} if stamp[1] and time is None else {}
        for part, piece in enumerate(pieces(said) if speaker and speaker.lower() != SYSTEM and said else ()):
            role = "assistant" if speaker and speaker.lower() in ASSISTANTS else "user"
            yield taken(
                f"line {begun[0]}",
                {
                    "text": piece,
                    "speaker": speaker,
                    "role": role,
                    "session": name,
                    "time": time,
                    "metadata": {"source": "transcript", **unread},
                    "key": f"transcript:{digest(name, count, part, piece)}",
                },
            )

    for number, (line, found) in enumerate(zip(kept, turns, strict=True), 1):
        if found is not None:
            yield from turn()
            count += 1
            speaker, text = found.name, [found.text]
            begun = stamp = number, found.stamp
        elif STAMPED.match(line):
            yield from turn()
            speaker, text = None, []  # the messenger says this, nobody in the talk
        elif speaker is not None:
            text.append(line.rstrip())
        elif line.strip() and not line.startswith("#"):
            yield Broken(f"line {number}", "nobody says this: no name stands before it")
    yield from turn()
