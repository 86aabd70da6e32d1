"""Which words of a turn are its speaker's own: not what they quote, paste, or have worked at. Pure.

"Shorten this: I am the manager here." says nothing of who asks. What is not their own is blanked in its place, so that what is
found in the rest is found there in the turn as well.
"""

from __future__ import annotations

import re
from typing import Final

from actors.text.sentences import places, straight

__all__ = ["own_sentences", "own_words"]

CODE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
QUOTED_LINE: Final = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
INCHES: Final = re.compile(r'(?<=\d)"(?!\w)')
QUOTATION: Final = re.compile(r'"[^"]*"')
QUOTATION_OF_A_LINE: Final = re.compile(r'"[^"\n]*"')

STARTS_ANEW: Final = re.compile(r"\s+[A-Z]")

WORKED_AT: Final = re.compile(
    r"(?:^|[.!?\n,] *|\b(?:please|can you|could you|would you|will you|help me(?: to)?|you to) )(?:quickly )?"
    r"(?!make an? (?:\w+ )?note\b|make it (?:short|quick|brief)\b|answer my question\b)"
    r"(?:proof-?read|translate|summari[sz]e|shorten|rewrite|reword|rephrase|paraphrase|correct|edit|improve|polish"
    r"|check|fix|review"
    r"|explain|simplify|reply to|answer|read|look at|make)\b (?:this|that|these|it|the|my|our|an?|his|her|their"
    r"|following|for me)\b"
    r"[^\n:]{0,80}:[ \t]*\n?"
    r"|\b(?!this is (?:my|our) story\b|[^:\n]{0,40}\babout (?:me|us|myself)\b)"
    r"(?:here(?:'s| is| are| comes)|this is|below is) (?:the|an?|my|our|his|her|their|what|some)\b[^.!?:\n]{0,60}"
    r"\b(?:e-?mails?|mail|letter|message|text|poem|lyrics|article|ad|advert|post|essay|story|draft|paragraph|speech"
    r"|transcript"
    r"|review|abstract|chapter|note|quote|bio|logs?|wrote|said|sent)\b[^.!?:\n]{0,60}:[ \t]*\n?",
    re.IGNORECASE,
)
"""A request to work at a text, or words that hand one over: what follows, to the end, is that text."""

TOLD: Final = re.compile(
    r"\b(?:said|says|wrote|writes|texted|texts|emailed|messaged|posted|shouted|told me|sent me this|goes|reads)(?: me"
    r"| us| this| back)*:"
    r"[ \t]*(?P<told>[^\n]+)",
    re.IGNORECASE,
)
"""Somebody's speech without marks of quotation, to its line's end."""


def own_sentences(text: str) -> list[tuple[str, str]]:
    """The sentences of a turn: each as it was said, and as far as it is its speaker's own words, with straight marks."""
    own = own_words(text)
    return [(text[start:end], own[start:end]) for start, end in places(own)]


def own_words(text: str) -> str:
    """The text with straight marks, and blanks in the place of what is not its speaker's own."""
    own = INCHES.sub("'", straight(text))
    own = QUOTED_LINE.sub(blanked, CODE.sub(blanked, own))
    quotation = QUOTATION if own.count('"') % 2 == 0 else QUOTATION_OF_A_LINE
    own = quotation.sub(unquoted, own)
    handed = WORKED_AT.search(own)
    # Within marks of quotation it ends where they do.
    if handed is not None and not own.startswith('"', handed.end()):
        own = own[: handed.end()] + " " * (len(own) - handed.end())

    return TOLD.sub(lambda found: found.group()[: found.start("told") - found.start()] + " " * len(found["told"]), own)


def unquoted(found: re.Match[str]) -> str:
    """A quotation's marks, and nothing between them. Where a sentence ends with it, so does the one around it."""
    ends = found.group()[-2:-1] in {".", "!", "?"} and STARTS_ANEW.match(found.string, found.end()) is not None
    blanks = " " * (len(found.group()) - 2)
    return f'"{blanks}.' if ends else f'"{blanks}"'


def blanked(found: re.Match[str]) -> str:
    """As long, and empty."""
    return " " * len(found.group())
