"""Plain transcripts: `Name: text`, with or without times before it, as messengers write them, or in Markdown.

Markdown is `**Name:** text` or `### Name`. A line that begins no turn goes on with the last one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from actors.memory.formats.taken import Broken, Taken, digest, moment_of, pieces, taken

__all__ = ["begins_turn", "read"]

NAME: Final = r"[^\W_][^:*#\[\]<>{}\"|/\\\n]{0,39}?"
STAMP: Final = (
    r"(?:\[(?P<in_brackets>[^\]\n]{6,40})\]\s*(?:-\s*)?"
    r"|(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)\s*(?:-\s*)?"
    r"|(?P<dashed>\d{1,4}[./-]\d{1,2}[./-]\d{2,4},?\s+\d{1,2}:\d\d(?::\d\d)?(?:[\s\u202f]?[APap]\.?[Mm]\.?)?)\s*[-\u2013]\s*)"
)
TURN: Final = re.compile(
    rf"^[\u200e\ufeff]?(?:{STAMP})?(?:\*\*)?(?P<name>{NAME})(?:\*\*)?:(?:\*\*)?(?:\s+(?P<text>.*)|$)", re.DOTALL
)
HEADING: Final = re.compile(rf"^#{{1,4}}\s+(?P<name>{NAME})\s*$")
STAMPED: Final = re.compile(rf"^[\u200e\ufeff]?{STAMP}(?P<text>.+)$", re.DOTALL)
FORMS: Final = (
    "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%y %H:%M:%S", "%d/%m/%y %H:%M",
    "%d/%m/%Y %I:%M:%S %p", "%d/%m/%Y %I:%M %p", "%d/%m/%y %I:%M:%S %p", "%d/%m/%y %I:%M %p",
)  # fmt: skip
ASSISTANTS: Final = frozenset({"assistant", "ai", "bot", "chatgpt", "claude", "gemini", "gpt", "llm", "model"})
NOT_NAMES: Final = frozenset({"http", "https", "note", "ps", "p.s.", "re", "fwd", "ftp", "mailto"})


def begins_turn(line: str) -> bool:
    """Whether a line begins a turn."""
    return turn_in(line) is not None


def turn_in(line: str) -> tuple[str, str, str] | None:
    """Name, time as written and text of the turn that a line begins."""
    found = TURN.match(line) or HEADING.match(line)
    if found is None or found["name"].strip().lower() in NOT_NAMES:
        return None
    groups = found.groupdict()
    stamp = groups.get("in_brackets") or groups.get("iso") or groups.get("dashed") or ""
    return found["name"].strip(), stamp.strip(), (groups.get("text") or "").strip()


def read(lines: Iterable[str], name: str) -> Iterator[Taken]:
    """A turn for each that somebody says. `name` is the talk's: the same file imported again is known by it."""
    kept: list[str] = list(lines)
    month_first = any(second_number(line) > 12 for line in kept)
    speaker: str | None = None
    text: list[str] = []
    begun = stamp = 0, ""
    count = 0

    def turn() -> Iterator[Taken]:
        said = "\n".join(text).strip()
        for part, piece in enumerate(pieces(said) if speaker and said else ()):
            role = "assistant" if speaker and speaker.lower() in ASSISTANTS else "user"
            yield taken(
                f"line {begun[0]}",
                {
                    "text": piece,
                    "speaker": speaker,
                    "role": role,
                    "session": name,
                    "time": time_of(stamp[1], month_first=month_first),
                    "metadata": {"source": "transcript"},
                    "key": f"transcript:{digest(name, count, part, piece)}",
                },
            )

    for number, line in enumerate(kept, 1):
        found = turn_in(line)
        if found is not None:
            yield from turn()
            count += 1
            speaker, text = found[0], [found[2]]
            begun = stamp = number, found[1]
        elif STAMPED.match(line):
            yield from turn()
            speaker, text = None, []  # the messenger says this, nobody in the talk
        elif speaker is not None:
            text.append(line.rstrip())
        elif line.strip() and not line.startswith("#"):
            yield Broken(f"line {number}", "nobody says this: no name stands before it")
    yield from turn()


def second_number(line: str) -> int:
    """The second number of a date such as 3/14/24; above 12 it is a day, and the month comes first."""
    found = turn_in(line)
    parts = re.match(r"(\d{1,2})/(\d{1,2})/\d{2,4}", found[1]) if found else None
    return int(parts[2]) if parts else 0


def time_of(stamp: str, *, month_first: bool) -> datetime | None:
    """The moment that a stamp names, UTC where it names no zone; None where it cannot be read."""
    if not stamp or (known := moment_of(stamp)) is not None:
        return known if stamp else None
    plain = re.sub(r"[\s\u202f\u00a0]+", " ", stamp.replace(",", " ").replace(".", "/").replace("-", "/")).strip()
    plain = re.sub(r"(?i)\b([ap])/?m/?$", r"\1m", re.sub(r"(?i)(\d)([ap])", r"\1 \2", plain))
    for form in FORMS:
        try:
            return datetime.strptime(plain, form.replace("%d/%m", "%m/%d") if month_first else form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
