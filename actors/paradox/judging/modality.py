"""Whether a sentence asserts anything: a question, a hypothesis, a wish, a quotation or a joke is never at odds.

`claims.py` reads a text of several.
"""

from __future__ import annotations

import re

from actors.text.sentences import sentences

__all__ = ["UNASSERTED", "frames", "of", "request", "taken_for_a_joke"]

UNASSERTED = "not asserted"
"""How the reason of a judgement begins that goes by this."""

HYPOTHESIS = re.compile(
    r"\b(imagine|suppose|supposing|if only|what if"
    r"|would it not|had i|were i|let us say|say i (?:were|had|did)|pretend|hypothetically|in theory|if (i|we|you|he|she"
    r"|they) (ever|were|had|won"
    r"|lived|could)|if it were|i would (have )?|would have|as if (i|we|he|she|they|it)|in another life|in a parallel)\b"
)
# A condition and a would in one sentence: neither need be so.
CONDITION = re.compile(
    r"\b(?:if|unless|with an?(?: second| third|other)?|without|given)\b[^.!?]*\b(?:would|could|might)\b"
    r"|\b(?:would|could|might)\b[^.!?]*\b(?:if|unless)\b"
)
# "Were we to sell", "Had we known, ...": a condition without an if.
INVERTED = re.compile(
    r"\bwere (?:i|we|you|he|she|it|they|(?:the|my|our) \w+) (?:ever )?(?:not )?to \w+"
    r"|^(?:(?:but|and|so|well)[, ]+)?(?:had|were|should) (?:i|we|you|he|she|it|they|(?:the|my|our) \w+) [^?]*"
    r"\b(?:would|could|might|will)\b"
)
# "I'd like" and "I'd rather" ask for something; they are no hypotheses.
POLITE = re.compile(r"\bi would (like|rather|love|prefer|appreciate|want|say|call|kill)\b")
WISH = re.compile(
    r"\b(i wish|i hope|hopefully|i dreamt|i dreamed|in my dream|one day i|some ?day i|i dream of|would love to|i fantasi[sz]e"
    r"|i would give anything|i keep dreaming|i long for"
    r"|my dream is)\b"
)
# What others claim is told, not claimed: somebody or some thing that is not the speaker, and a verb of saying.
HEARSAY = re.compile(
    r"\b(the|a|an|my|our|his|her|some|this|that) (?:[\w'-]+ ){0,3}(claims?|claimed|says?|said|insists?"
    r"|insisted|alleges?|writes?"
    r"|wrote|thinks|believes?|joked|jokes|keeps saying|swears?|swore|pretends)\b"
    r"(?! (?:(?:i|we) (?:should|must|ought)|yes|no|by)\b)"
    r"|(?<!\band )\b(he|she|they|people|everyone) (claims?|claimed|jokes?|joked|pretends?|say that|says that)\b"
    r"|\b(according to|rumour has it|rumor has it|supposedly|allegedly|as the saying goes|the lyrics"
    r"|in the (film|movie|book|play"
    r"|novel|game|song|story)|my character|quote)\b"
)
QUOTED = re.compile(r"(?:^|\s)['\"\u201c](?=\w)[^'\"\u201d]{8,}['\"\u201d]")
JOKE = re.compile(
    r"\b(just kidding|only kidding|kidding|joking|haha+|lol|lmao|sarcasm|yeah right|as if|sure, and|i am basically"
    r"|(is|am|are|was) (practically|basically|literally) (a|an|the|my)|feel(s|ing)? like (a|an|i|we)"
    r"|a (hundred|thousand|million) (times|years))\b|[/]s\s*$"
)
# Whoever says so means all that was said with it.
RETRACTION = re.compile(r"\b(just kidding|only kidding|kidding|joking|haha+|lol|lmao|sarcasm|yeah right)\b|[/]s\s*$")
# What follows is told of another world than ours: a supposed one, a dream, a film.
FRAME = re.compile(
    r"\b(imagine|(?<!\bi )suppose|supposing|let us say|pretend|hypothetically|in another life|in a parallel|what if"
    r"|i dreamt|i dreamed|in my dream|i keep dreaming|i fantasi[sz]e"
    r"|in the (?:film|movie|book|play|novel|game|song|story)|my character|the lyrics)\b"
)

REQUEST = re.compile(
    r"\b(can|could|would|will) you\b|\bplease\b|\bi (would|want|need)( to| like| you)?\b|^(book|set|put"
    r"|add|make|create|find|call|order"
    r"|get|play|show|remind|send)\b"
)


def of(text: str) -> str | None:
    """Why a normalised text asserts nothing; None when it does. One of `question`, `hypothesis`, `wish`, `hearsay`, `joke`."""
    if all(sentence.endswith("?") for sentence in sentences(text)) and not request(text):
        return "question"
    plain = POLITE.sub("i want", text)
    if HYPOTHESIS.search(plain) or CONDITION.search(plain) or INVERTED.search(plain):
        return "hypothesis"
    if WISH.search(text) and not request(text):
        return "wish"
    if JOKE.search(text):
        return "joke"
    if HEARSAY.search(text) or QUOTED.search(text):
        return "hearsay"
    return None


def taken_for_a_joke(text: str) -> bool:
    """Whether a normalised text says of itself that none of it is meant."""
    return RETRACTION.search(text) is not None


def frames(sentence: str) -> bool:
    """Whether what is said after a normalised sentence is told of another world, too."""
    return FRAME.search(sentence) is not None


def request(text: str) -> bool:
    """Whether the text asks for something to be done. A later request may change an earlier one."""
    return REQUEST.search(text) is not None
