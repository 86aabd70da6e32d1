"""Signs that the world changed, or that the speaker takes back what was said: what tells an update from a contradiction."""

from __future__ import annotations

import re

from actors.paradox.judging.lexicon import FAMILIES, SAID_WITH_NO
from actors.paradox.judging.words import content, stem, tokens

__all__ = ["correction", "earlier_time", "ended", "lifelong", "of_something_else", "retort", "told"]


def one_of(*phrases: str) -> re.Pattern[str]:
    """An expression that finds any of the phrases at a word's border."""
    return re.compile(rf"\b(?:{'|'.join(phrases)})")


TAKEN_BACK = (
    r"scratch that\b",
    r"strike that\b",
    r"make (?:that|it) (?:\d|one|two|three|four|five|six|seven|eight|nine|ten|a|an|the)",
    r"(?:a |last-minute )*change of plans?\b",
    r"changed my mind\b",
    r"on second thoughts?\b",
    r"now that i think",
    r"i (?:misread|misspoke|meant|mixed up|got (?:that|it|them) (?:wrong|mixed up))\b",
    r"my mistake\b",
    r"i was (?:wrong|mistaken)\b",
    r"i stand corrected\b",
    r"take that back\b",
    r"never ?mind\b",
    r"forget (?:that|it|about)\b",
    r"correction[:,]",
    r"\w+ instead\b",
    r"would rather\b",
)
CORRECTION = one_of(*TAKEN_BACK)
# As an opening only: "no" and "sorry" inside a sentence take nothing back.
OPENING = re.compile(
    r"^(?:(?:oh|ah|hm+|well|um|and|but|ok|okay)[,.! ]+)*(?:actually\b|correction\b|rather\b|instead\b|wait\b|nope\b"
    rf"|no[,.!]? (?!(?:{SAID_WITH_NO}|one|idea|need|luck|offen[cs]e|kidding|joke)\b)"
    r"|sorry[,.!]? (?!to hear\b|for your\b|about your\b|that you\b|you(?: had|'re| are feeling| feel| felt| lost)\b|one\b))"
)

# The whole of a short answer.
RETORT = re.compile(
    r"(?:(?:no|nope|oh|well|sorry|but|yes)[,.!]? )*(?:(?:he|she|it|they|we|you|i|that|this|there) "
    r"(?:is|are|am|was|were|do|does|did|has|have|had|will|would|can|could|should) not(?: at all| really)?"
    r"|(?:that|this|it) is (?:not (?:true|right|correct|so)|wrong|false|nonsense|a lie|untrue|rubbish)(?: at all)?"
    r"|not (?:true|at all|so|correct)(?: at all)?|no|nope|wrong|nonsense|rubbish|on the contrary)[.!]*"
)

# Verbs of which the past form tells a change of state, whoever did it.
TURNED = (
    "moved quit resigned retired sold switched changed replaced upgraded renamed migrated dropped cancelled canceled postponed "
    "delayed rescheduled swapped stopped separated divorced engaged fired promoted merged closed ended"
    " graduated traded converted "
    "ditched abandoned automated fixed repaired solved recovered healed died outgrown deleted removed"
    " rewritten ported handed joined "
    "slipped pushed rebuilt expired extended shortened reopened demolished cured rehired transferred"
)
PARTICLES = (
    r"no longer\b",
    r"any ?more(?=$|[.,;!?])",
    r"any longer\b",
    r"these days\b",
    r"nowadays\b",
    r"as of (?:now|today|this|next|last|january|february|march|april|may|june|july|august)\b",
    r"from now on\b",
    r"since (?:last|then|january|february|march|april|may|june|july|august|september|october|november|december)\b",
    r"since (?:the|my|our|we|i) \w+ (?:closed|opened|broke|died|left|came|started|moved|changed)\b",
    r"(?:finally|at last)\b",
    r"(?:gave|given|giving) (?:up|it up)\b",
    r"(?:split|broke|broken) up\b",
    r"(?:push|put|mov|bring)\w* (?:\w+ ){1,3}(?:back|forward) (?:to|by|until)\b",
    r"c[oa]me (?:round|around)\b",
    r"got rid of\b",
    r"(?:down|up) to \d",
    r"back (?:at|in|from|on) (?:my|his|her|their|our|the|work|school|duty)\b",
    r"new (?:job|flat|boss|house|car|place|home|office|team|name|address|number|company|phone|partner)\b",
    r"new (?:apartment|city|school|doctor)\b",
    r"first (?:day|week|month) (?:at|in|as|of|on)\b",
    r"\w+ (?:days|weeks|months|years) (?:without|clean|sober|free)\b",
    r"unpack\w*",
    r"my ex\b",
    r"ex-\w+",
    r"so (?:we|i|they|he|she|it) (?:are|am|is) (?:now )?\d",
    r"(?:is|are|has been|have been) (?:over|gone|done|finished|back|history|found|moved|replaced)\b",
    r"found (?:her|him|it|them)\b",
    r"left (?:the|my|our|his|her) (?:company|job|team|firm|band|party|church|city|country|group|club|husband|wife)\b",
    r"(?:got|get|getting|have|has|had) (?:just )?(?:married|engaged|divorced|hired|promoted|fired|adopted|born)\b",
    r"used to\b",
    r"(?:put|brought|pushed|moved|set) (?:\w+ ){0,2}(?:back|off|forward|forwards|up) (?:to|by|until|a)\b",
    r"turned into\b",
    r"taken over\b|took over\b|takes over\b",
    r"(?:so|but) now\b",
    r"has (?:become|turned)\b",
    r"out of the (?:hospital|woods)\b",
    r"learn(?:ed|t) (?:to|how)\b",
    # A habit that has not been for so long is over.
    r"(?:have|has) not \w+ (?:[\w' ]+ )?(?:in|for) (?:\w+ )?(?:days|weeks|months|years|ages)\b",
    r"(?:have|has) not \w+ (?:[\w' ]+ )?since\b",
    r"(?:am|is|are) off (?!to\b|work\b|the\b|sick\b)\w+",
    r"done with\b",
    r"(?:decided|voted) against\b",
    r"called off\b",
    r"(?:fell|fallen) through\b",
    r"stepped down\b|stepped in\b",
    r"let (?:me|him|her|us|them) go\b",
    r"(?:has|have) (?:arrived|started|begun|landed|reopened|recovered|left|come (?:off|out|through|back))\b",
    r"(?:gone|went|put) (?:up|down)\b",
    r"came (?:off|through|back)\b",
    r"turn(?:ed|s) up\b",
    r"(?:works|work|open|up and running|back|well|free|fine) again\b",
    r"(?:got|get|have) (?:a|the|my|our) (?:job|place|visa|degree|licence|license|keys|promotion|divorce|raise)\b",
    r"(?:was|were|got) (?:delivered|merged|granted|approved|repaired|released|hired|buried|installed)\b",
    r"(?:baby|son|daughter|twins?|child|girl|boy) (?:was|were) born\b",
    r"first (?:steps|words|tooth|lesson|day|week)\b",
    r"after all\b",
    r"took (?:up|down|over)\b",
    r"(?:signed|joined) (?:up|on)\b",
    r"ran out\b|run out\b|sold out\b",
    r"from (?:today|tomorrow|next (?:week|month|year)|monday|now) on\b",
)
# "Is closed" may always have been so; "has closed" and "was closed" tell of a change.
STATES = "closed|engaged|retired|divorced|separated|expired|automated|fixed|extended|joined"
STATE = re.compile(rf"\b(?:am|is|are) (?:now |still |always )?(?:{STATES})\b")

ENDED = one_of(*PARTICLES, rf"(?<!-)(?:{'|'.join(TURNED.split())})\b")
# A change that did not happen, or not to the thing itself.
UNCHANGED = re.compile(r"\b(?:not|never) (?:yet )?(?:been )?\w+ed\b|\bstill\b")

# Said of the present as against what was. Too common to tell an update from a contradiction; a sign where one was told already.
NOW = one_of(r"now\b", r"instead\b", r"currently\b", r"lately\b", r"since\b", r"(?:have|has|am|is|are|i|we|they|he|she) just\b")

OBJECT = re.compile(rf"\b(?:{'|'.join(TURNED.split())}|found) (?:my|our|his|her|the|a|an|all the) ([\w-]+)")

LIFELONG = one_of(
    r"never\b",
    r"always\b",
    r"all my life\b",
    r"(?:in )?my (?:whole|entire) life\b",
    r"not once\b",
    r"since i was\b",
    r"ever since\b",
    r"from the (?:start|very beginning)\b",
    r"grew up\b",
    r"back when\b",
    r"when i (?:lived|was|worked|ran)\b",
    r"years? as a\b",
)
EARLIER = one_of(
    r"as a (?:child|kid|boy|girl|teenager|student)\b",
    r"(?:in|through|throughout|during) my (?:teens|twenties|thirties|forties|youth)\b",
    r"when i was (?:a |an )?(?:child|kid|boy|girl|young|little|small|student|teenager|\w+teen|six|seven"
    r"|eight|nine|ten|twelve)\b",
    r"used to\b",
    r"back then\b",
    r"years ago\b",
    r"in those days\b",
    r"(?:19|20)\d\d to (?:19|20)\d\d\b",
    r"(?:in|until|before|around) (?:19|20)\d\d[, ]+(?:[\w']+ )*?(?:was|were|had|did|could|lived|worked|used)\b",
    r"(?:was|were|had|did|lived|worked|used) (?:[\w']+ )*?(?:in|until|before|around) (?:19|20)\d\d\b",
    r"(?:once|long ago|as a youth|at school|in (?:my|his|her) (?:schooldays|student days|childhood))\b",
    r"when (?:we|i) (?:first )?(?:moved|came|started|arrived|met)\b(?! home| back| in\b| out\b)",
    r"at first\b",
    r"in the (?:past|nineties|eighties|seventies|beginning|old days)\b",
    r"(?:originally|formerly|previously|initially)\b",
    r"last (?:year|summer|winter|century)\b",
)


def correction(text: str) -> bool:
    """The speaker takes something back or changes a plan: scratch that, actually, no, make that two."""
    return OPENING.search(text) is not None or CORRECTION.search(text) is not None


def retort(text: str) -> bool:
    """A few words that deny what was just said, whatever it was: "No they're not", "That's not true"."""
    return RETORT.fullmatch(text.strip()) is not None


def ended(text: str, before: frozenset[str] = frozenset()) -> bool:
    """Something came to an end or took another's place: moved, gave up, these days, down to, first week at.

    A verb that the earlier statement (its stems: `before`) has as well tells no change of it.
    """
    if UNCHANGED.search(text):
        return False
    told = ENDED.finditer(STATE.sub(" ", text))
    return any(not (content(tokens(match[0])[:1]) & before) for match in told)


def told(text: str, before: frozenset[str] = frozenset()) -> bool:
    """A sign of change of any kind: something came to an end, is taken back, or is said of now as against then."""
    return ended(text, before) or correction(text) or NOW.search(text) is not None


def of_something_else(text: str, stems: frozenset[str], families: frozenset[str]) -> bool:
    """The change is told of an object ("changed my shirt") that the earlier statement knows nothing of."""
    found = OBJECT.search(text)
    if found is None:
        return False
    noun = stem(found[1])
    return noun not in stems and not (FAMILIES.get(noun, frozenset()) & families)


def lifelong(text: str) -> bool:
    """Said of all time, so that no change explains its opposite."""
    return LIFELONG.search(text) is not None


def earlier_time(text: str) -> bool:
    """Said of a time gone by: the present may differ without any conflict."""
    return EARLIER.search(text) is not None
