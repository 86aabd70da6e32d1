"""Private reasoning, told apart from the public text of an answer while it streams. Knows no actor and no model.

Models think aloud in tags (`<think>…</think>` and its kin) inside what they say. Whatever stands in such a tag is private,
however the answer was split on its way. What is decided where a text could be read in two ways:

- Tags nest. What is never closed is private to its end. A closing tag ends the block of its own name, and no other; one that
  stands alone between two backticks is spoken of, and ends nothing.
- A closing tag without an opening one ends reasoning whose opening stood in the prompt, as DeepSeek's and Qwen's templates
  have it:
  what was said before it is private. In a stream that may have gone out (`leaked`), unless `begun` says that the text begins
  in the middle of reasoning: then nothing goes out before the closing tag.
- A code block does not make a tag public, unless `literal` says that the user asked for such a tag by its name: then tags
  within backticks or a fence are text. Outside of code they are private even then.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

__all__ = ["Apart", "Sieve", "asks_for_tags", "public_of"]

NAMES: Final = (
    "think",
    "thinking",
    "thought",
    "thoughts",
    "thought_process",
    "thinking_process",
    "chain_of_thought",
    "reasoning",
    "reflection",
    "analysis",
    "scratchpad",
    "inner_monologue",
    "inner_thought",
    "inner_thoughts",
    "internal_monologue",
    "internal_thoughts",
    "longcat_think",
    "antthinking",
    "seed:think",
    "mm:think",
    "xai:thinking",
    "antml:thinking",
    "antml:think",
)
PAIRS: Final = {"[THINK]": "[/THINK]", "◁think▷": "◁/think▷", "<unused94>": "<unused95>"}
"""Marks that are not of XML's form: Magistral's, Kimi's, MedGemma's."""

OPENING: Final = {end: start for start, end in PAIRS.items()}
MARKS: Final = (*PAIRS, *OPENING)

BEFORE_A_NAME: Final = {"": False, "begin_": False, "begin_of_": False, "start_": False, "start_of_": False} | {
    "/": True,
    "end_": True,
    "end_of_": True,
}
AFTER_A_NAME: Final = {"_begin": False, "_start": False, "_end": True}
BETWEEN_BARS: Final = ("think", "thinking", "thought", "thoughts", "reasoning", "reflection")
BARS: Final = {
    f"<|{before}{name}|>": (f"|{name}|", closing) for name in BETWEEN_BARS for before, closing in BEFORE_A_NAME.items()
} | {f"<|{name}{after}|>": (f"|{name}|", closing) for name in BETWEEN_BARS for after, closing in AFTER_A_NAME.items()}
"""Special tokens, as Sky-T1's `<|begin_of_thought|>`, Command's `<|START_THINKING|>`, DeepSeek's with wide bars: what each of
them opens or closes."""

LONGEST_BAR: Final = max(len(bar) for bar in BARS)
WIDE: Final = str.maketrans({"\uff5c": "|", "\u2581": "_"})

CHANNEL: Final = "<|channel|>"
HEADER: Final = re.compile(r"<\|(?:start|channel)\|>(?:[^<]|<\|(?:channel|constrain)\|>){0,120}<\|message\|>")
HEADER_BEGUN: Final = re.compile(r"<\|(?:start|channel)\|>(?:[^<]|<\|(?:channel|constrain)\|>){0,120}(?:<[|a-z>]{0,12})?$")
"""gpt-oss's messages: who speaks, on which channel. All but the one called final are private, and so are the headers."""

HEADERS: Final = ("<|start|>", CHANNEL)
ENDS: Final = ("<|end|>", "<|return|>", "<|call|>")
"""They end other things as well: where no such header was seen they are text."""

LONGEST: Final = 160
"""Characters of a tag with its attributes; it bounds what is held back. One that goes on is taken to be open already."""

ALTERNATIVES: Final = "|".join(sorted(NAMES, key=len, reverse=True))
TAG: Final = re.compile(rf"<\s{{0,8}}(/?)\s{{0,8}}({ALTERNATIVES})(?:([\s/][^<>]*)?>|\s(?=[^<>]{{{LONGEST}}}))", re.IGNORECASE)
TAG_BEGUN: Final = re.compile(r"<\s{0,8}/?\s{0,8}([a-z_:]*)((?:[\s/][^<>]*)?)$", re.IGNORECASE)
OPENERS: Final = re.compile(r"[<\[◁]")
OPENERS_AND_CODE: Final = re.compile(r"[<\[◁`~\n]")
RUN: Final = re.compile(r"`+|~+")
MENTIONED: Final = re.compile(rf"<\s{{0,8}}/?\s{{0,8}}(?:{ALTERNATIVES})\s{{0,8}}/?>|\[/?THINK\]|◁/?think▷", re.IGNORECASE)
FENCE: Final = 3
INDENT: Final = 3
"""Spaces that may stand before a fence (CommonMark 4.5)."""

FROM_THE_PROMPT: Final = "*"
"""The name of a block whose opening nobody has seen; any closing tag ends it."""


def plain_bar(text: str) -> str:
    """The beginning of a text as `BARS` writes it, where it may be one of them; else empty."""
    return text[:LONGEST_BAR].translate(WIDE).lower() if text[:2] in {"<|", "<\uff5c", "<"} else ""


class Apart(NamedTuple):
    """A stretch of an answer, told apart."""

    public: str
    private: str


def asks_for_tags(question: str) -> bool:
    """Whether a user speaks of such a tag: `what does <think> do?`."""
    return MENTIONED.search(question) is not None


def public_of(text: str, *, literal: bool = False) -> Apart:
    """A whole text told apart."""
    if OPENERS.search(text) is None:
        return Apart(text, "")

    sieve = Sieve(literal=literal)
    first, last = sieve.feed(text), sieve.close()
    return Apart(first.public + last.public, first.private + last.private)


class Sieve:
    """One answer on its way.

    Args:
        literal: tags within code are text.
        begun: the text begins in the middle of reasoning. Where no tag ever closes it, `close` says what it was.
    """

    def __init__(self, *, literal: bool = False, begun: bool = False) -> None:
        self.literal = literal
        self.leaked = False
        """Whether something went out that a later closing tag showed to be reasoning."""

        self.stray = False
        """Whether a block was closed that was not seen to open."""

        self.found = False
        """Whether there was anything private."""

        self._headed = False
        """Whether there was a header of gpt-oss's."""

        self._open: list[str] = [FROM_THE_PROMPT] if begun else []
        self._held = ""
        self._last = ""
        self._went_out = False
        self._lead: str | None = ""
        """White space at the very start, which goes out only with a text that no reasoning stands before; None: it is past."""

        self._waiting: list[str] = []
        """What was said in a block from the prompt that may turn out to be none."""

        self._public: list[str] = []
        self._private: list[str] = []
        self._code = ""
        """The run that opened the code in which the text stands."""

        self._margin = 0
        """Spaces since the line began; -1 once there was anything else."""

    @property
    def holds(self) -> bool:
        """Whether something was taken in of which it is not known yet what it is."""
        return bool(self._held or self._lead or self._waiting)

    def feed(self, piece: str) -> Apart:
        """Take in the next piece; what of the text so far is known to be public or private, and was not given before."""
        if self._lead is None and not self._open and not self._held and not self.literal and OPENERS.search(piece) is None:
            # The lead is past: something went out already.
            return Apart(piece, "")

        self._held += piece
        self._scan(final=False)
        return self._given()

    def close(self, *, whole: bool = True) -> Apart:
        """The rest. `whole`: the answer ended by itself; reasoning from the prompt that nothing closed was none then."""
        self._scan(final=True)
        if self._open == [FROM_THE_PROMPT]:
            rest = "".join(self._waiting)
            self._waiting.clear()
            self._open.clear()
            (self._say if whole else self._keep)(rest)
        if self._lead and not self.found:
            self._public.append(self._lead)
        self._lead = None
        return self._given()

    def _given(self) -> Apart:
        given = Apart("".join(self._public), "".join(self._private))
        self._public.clear()
        self._private.clear()
        self._went_out = self._went_out or bool(given.public)
        return given

    def _scan(self, *, final: bool) -> None:
        text, at = self._held, 0
        specials = OPENERS_AND_CODE if self.literal else OPENERS
        while at < len(text):
            found = specials.search(text, at)
            if found is None:
                self._take(text[at:])
                at = len(text)
                break

            self._take(text[at : found.start()])
            at = found.start()
            taken = self._special(text, at, final=final)
            if taken == 0:
                break
            at += taken

        self._held = text[at:]
        self._last = text[at - 1] if at else self._last
        if final:
            # A tag of which only the end is missing says nothing to anybody.
            begun = TAG_BEGUN.match(self._held)
            if begun is None or begun[1].lower() not in NAMES:
                self._take(self._held)
            self._held = ""

    def _special(self, text: str, at: int, *, final: bool) -> int:  # noqa: PLR0911 (one for each thing that may stand there)
        """Take what stands at `at`; how many characters it was, 0 where more has to come first."""
        if text[at] in "`~\n":
            return self._mark_of_code(text, at, final=final)
        if self._code and not self._open:
            self._take(text[at])
            return 1

        tag = TAG.match(text, at)
        if tag is not None and tag.end() - at <= LONGEST + 2:
            if tag[1] and self._open and (text[at - 1] if at else self._last) == "`":
                if tag.end() == len(text) and not final:
                    return 0
                if text[tag.end() : tag.end() + 1] == "`":
                    self._take(tag[0])
                    return len(tag[0])
            if not (tag[3] or "").endswith("/"):
                self._tag(tag[2].lower(), closing=bool(tag[1]))
            return tag.end() - at

        taken = self._token(text, at)
        if taken or (not final and self._may_become_a_tag(text, at)):
            return taken

        self._take(text[at])
        return 1

    def _token(self, text: str, at: int) -> int:
        """Take what is no tag of XML's form; how many characters it was, 0 where nothing like that stands there."""
        header = HEADER.match(text, at)
        if header is not None:
            self._header(header[0])
            return len(header[0])

        mark = self._mark(text[at : at + LONGEST])
        if mark is None:
            return 0

        length, name, closing = mark
        if name != CHANNEL or CHANNEL in self._open:
            self._tag(name, closing=closing)
        return length

    def _mark(self, rest: str) -> tuple[int, str, bool] | None:
        """A mark of another form at the beginning of a text: its length, what it is of, and whether it closes that."""
        for mark in MARKS:
            if rest.startswith(mark):
                return len(mark), OPENING.get(mark, mark), mark in OPENING

        if self._headed:
            for end in ENDS:
                if rest.startswith(end):
                    return len(end), CHANNEL, True

        token = plain_bar(rest)
        known = BARS.get(token[: token.find("|>") + 2])
        return None if known is None else (token.find("|>") + 2, *known)

    def _header(self, header: str) -> None:
        """A message of gpt-oss's begins; the one before it has ended, also where nothing said so."""
        public = CHANNEL not in header or header.rpartition(CHANNEL)[2].startswith("final")
        first, self._headed, self.found = not self._headed, True, True
        if CHANNEL in self._open:
            self._tag(CHANNEL, closing=True)
        elif public and first and (self._open == [FROM_THE_PROMPT] or self._said_something):
            # What was said before it stood under a header in the prompt.
            self._tag(CHANNEL, closing=True)
        if not public:
            self._tag(CHANNEL, closing=False)

    @property
    def _said_something(self) -> bool:
        return self._went_out or bool("".join(self._public).strip())

    def _may_become_a_tag(self, text: str, at: int) -> bool:
        rest = text[at : at + LONGEST]
        marks = (*MARKS, *HEADERS, *(ENDS if self._headed else ()))
        if any(mark.startswith(rest) for mark in marks) or HEADER_BEGUN.match(text, at):
            return True

        bar = plain_bar(rest)
        if bar and "|>" not in bar and any(known.startswith(bar) for known in BARS):
            return True

        begun = TAG_BEGUN.match(text, at)
        if begun is None or len(text) - at > LONGEST + 2 * len(NAMES[-2]):
            return False
        name = begun[1].lower()
        return name in NAMES if begun[2] else any(known.startswith(name) for known in NAMES)

    def _tag(self, name: str, *, closing: bool) -> None:
        self.found = True
        if not closing:
            if self._open == [FROM_THE_PROMPT] and not "".join(self._waiting).strip():
                self._open.clear()
            self._open.append(name)
            self._code = ""
        elif name in self._open:
            while self._open.pop() != name:
                pass
        elif self._open == [FROM_THE_PROMPT]:
            self.stray = True
            self._open.clear()
            self._keep("".join(self._waiting))
            self._waiting.clear()
        elif not self._open:
            self._retract()

    def _retract(self) -> None:
        """What was public so far was reasoning; what of it went out has leaked."""
        self.stray = True
        self.leaked = self.leaked or self._went_out
        self._private[:0] = [*self._public]
        self._public.clear()
        self._lead = None if self._went_out else ""
        self._code = ""

    def _take(self, text: str) -> None:
        if not text:
            return
        if not self._open:
            self._say(text)
        elif self._open == [FROM_THE_PROMPT]:
            self._waiting.append(text)
        else:
            self._keep(text)

    def _say(self, text: str) -> None:
        if text.strip(" "):
            self._margin = -1
        elif self._margin >= 0:
            self._margin += len(text)

        if self._lead is not None:
            self._lead += text
            words = self._lead.lstrip() if self.found else self._lead
            if not words.strip():
                return
            text, self._lead = words, None
        self._public.append(text)

    def _keep(self, text: str) -> None:
        self._private.append(text)

    def _mark_of_code(self, text: str, at: int, *, final: bool) -> int:
        """Keep track of code: only looked at where tags in it are text."""
        if text[at] == "\n":
            self._take("\n")
            self._margin = 0
            if self._code and len(self._code) < FENCE:
                self._code = ""  # code within a line ends with it at the latest
            return 1

        run = RUN.match(text, at)
        assert run is not None  # noqa: S101 (it stands on such a character)
        if run.end() == len(text) and not final:
            return 0

        marks = run[0]
        at_start = 0 <= self._margin <= INDENT
        self._take(marks)
        if self._open:
            pass
        elif self._code and len(self._code) >= FENCE:
            if at_start and marks[0] == self._code[0] and len(marks) >= len(self._code):
                self._code = ""
        elif self._code:
            if marks == self._code:
                self._code = ""
        elif (at_start and len(marks) >= FENCE) or (marks[0] == "`" and len(marks) < FENCE):
            self._code = marks
        return len(marks)
