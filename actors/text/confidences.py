"""Confidences: whether a text asks that it is not passed on. Pure; English.

It goes by what people say of it ("don't tell her", "just between us"): a secret that is not called one is not known for one.
The same words often say something else ("it came as a surprise to me", "she can't keep a secret"); those are told apart here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from actors.text.sentences import straight
from actors.text.stopwords import STOPWORDS

__all__ = ["announces_one", "asks_for_nothing_else", "tells_in_confidence"]

SENTENCE: Final = re.compile(r"[^.!?\n]{1,1000}[.!?]*")
"""A thousand characters without an end are cut: no pattern is to go over a page of them."""

THEIRS: Final = r"(?:my|our|your|his|her|their)"
SOMEBODY: Final = (
    rf"(?:(?i:he|she|they|{THEIRS} \w+|the (?:kids|children|others|family|boss|team))|[A-Z]\w+)"
    rf"(?: and (?:{THEIRS} \w+|[A-Z]\w+))?(?:'s|'re)?"
)
"""Whoever is not to know: by a pronoun, as somebody's, or by name."""

WHOM: Final = (
    r"(?!(?:me|us|you|yourself|apart|lies?|fibs?|jokes?|tales?|stories|a (?!soul)|an|any|such|more|people|if|whether|what|which"
    r"|how|why|the (?:truth|difference|time|story|whole|future))\b)"
    rf"(?:{THEIRS} (?:own )?|the |a )?[\w']+"
)
NO_SUBJECT: Final = r"(?<!\bi )(?<!\bwe )(?<!they )(?<!\byou )(?<!people )(?<!that )(?<!who )(?<!will )"
NOT: Final = rf"{NO_SUBJECT}(?:don't|do not|never|not to|not)(?: ever)?"
MUST_NOT: Final = r"you (?:mustn't|must not|must never|can't|cannot|shouldn't|should not|may not|won't|will not)"
NOT_YET: Final = (
    r"\b(?:i|we)(?:(?:'ve|'d| have| would| could)? never|(?: have|'ve)n't| have not|'ve not| won't| can't| cannot| wouldn't"
    r"|'d rather not)"
)
NOBODY: Final = r"\b(?:nobody|no one|no-one|none of them)(?: else)?(?: here| at \w+| in (?:my|our|the) \w+)?"
MUST: Final = r"(?:must|may|should|is to|is supposed to|is allowed to|ought to)(?: ever)?"
IT: Final = r"(?:it|this|that)"
ENDS: Final = r"(?= ?(?:[,:;.!?)\u2013\u2014-]|$|and\b|but\b|so\b|until\b|okay\b|ok\b|please\b))"
NOT_TO_KNOW: Final = (
    r"(?:mustn't|must not|must never|shouldn't|should not|may not|ought not to|(?:is|are)n't (?:supposed|allowed|meant) to"
    r"|(?:is|are) not (?:supposed |allowed |meant )?to|not (?:supposed|allowed|meant) to)(?: ever)?"
)
OURS: Final = (
    r"(?:it|this|that|us|me|my|our|the (?:surprise|party|present|gift|plans?|trip|loan|debts?|money|baby|pregnancy|job|divorce"
    r"|affair|diagnosis|test|ring|letter|inheritance|will|engagement|move|house|sale))"
)
Rule = tuple[str, re.Pattern[str], re.Pattern[str]]
RULES: Final[tuple[Rule, ...]] = tuple(
    (word, re.compile(pattern, re.NOFLAG if case else re.IGNORECASE), re.compile(pattern, re.IGNORECASE))
    for word, case, pattern in (
        ("tell", False, rf"\b(?:{NOT}|{MUST_NOT}) tell {WHOM}"),
        ("tell", False, rf"{NOT_YET} tell (?!the\b){WHOM}"),
        ("tell", False, r"\btell you a secret\b|\btell (?:nobody|no one|no-one|not a soul)\b|\bcareful who(?:m)? you tell\b"),
        ("tell", False, rf"\b(?:{NOT}|{MUST_NOT}) tell(?= ?[.!?,]*$)|\bpromise(?: me)? not to tell\b"),
        ("tell", False, rf"\bbe the one (?:who tells|to tell) {WHOM}"),
        ("told", False, rf"{NOT_YET}(?: yet)? told (?!the\b|yet\b){WHOM}"),
        ("told", True, rf"\b{SOMEBODY} (?:(?:has|have)(?:n't| not) been told|{NOT_TO_KNOW} be told)\b"),
        ("mention", False, rf"\b(?:{NOT}|{MUST_NOT}) mention (?:{IT}|any of {IT}|\w+(?: \w+)?) to (?:{THEIRS} )?\w+"),
        ("say", False, rf"\b(?:{NOT}|{MUST_NOT}) say (?:anything|a word|a thing|something)(?: about \w+(?: \w+)?)? to \w+"),
        ("careful", False, r"\bcareful who(?:m)? you mention\b"),
        ("share", False, rf"\b(?:{NOT}|{MUST_NOT}) share (?:it|this|that|any of (?:it|this|that)) with {WHOM}"),
        ("breathe", False, rf"\b{NOT} breathe a word\b"),
        ("show", False, rf"\b(?:{NOT}|{MUST_NOT}) show (?:it|this|that|them) to \w+"),
        ("repeat", False, rf"\b(?:{NOT}|{MUST_NOT}) repeat {IT} to \w+"),
        ("pass", False, rf"\b(?:{NOT}|{MUST_NOT}) pass (?:it|this|that|any of (?:it|this|that)) on\b"),
        ("let", False, rf"\b(?:{NOT}|{MUST_NOT}) let (?:on|it slip)\b"),
        ("let", False, rf"\b(?:{NOT}|{MUST_NOT}) let {WHOM} (?:know|find out|see|hear|notice)\b"),
        (
            "want",
            False,
            rf"(?:n't|not|never) want {WHOM} to (?:know|find out|hear (?:of|about)|learn|notice|see (?:it|this))\b",
        ),
        ("want", False, rf"(?:n't|not) want {IT} (?:to get|getting|to come|coming) (?:out|around)\b"),
        ("gets out", False, rf"\bbefore {IT} gets out\b"),
        ("a word", False, r"\bnot a word (?:of (?:it|this|that) )?to (?!me\b)\w+"),
        (
            "between",
            False,
            (
                r"(?:^|[,:;\u2013\u2014-] |\bbut |\band |\bso )(?:strictly |just )?between (?:us|ourselves|you and me"
                r"|the two of us)(?= ?[,:;.!?\u2013\u2014-]|$)"
            ),
        ),
        (
            "between",
            False,
            (
                r"\b(?:stays?|stayed|strictly|just|only|remains?|this is|that is|that's|it's|kept|keep [^.!?]{1,24})"
                r" between (?:us|ourselves|you and me|the two of us)\b(?! (?:and|there|lies|lay|in|at|on)\b)"
            ),
        ),
        (
            "keep",
            False,
            (
                r"\bkeep (?:this|it|that|these|them|everything|all (?:of )?(?:this|that)|what \w+(?: \w+){0,4}|my \w+"
                r"|the \w+) ?(?:as |a |strictly |very )*(?:secret|quiet|private|confidential|to yourself|under your hat"
                r"|under wraps|hush|from (?:him|her|them))(?=\W|$)"
                r"(?! (?:recipe|santa|place|corner|room|mode|hours|street|neighbou?rhood))"
            ),
        ),
        ("keep", False, r"\bkeep (?:this|it|that) from (?!happening|getting|going|falling|being|becoming)[\w']+"),
        ("keep", False, r"\bkeep quiet about\b|\bkeep secret\b"),
        ("secret", False, r"\b(?:can|could|will) you keep a secret\b"),
        ("secret", False, r"\bhere's a secret\b|\bi(?:'ve| have)(?: got)? a secret\b(?! \w+ )"),
        (
            "secret",
            False,
            (
                rf"\b{IT}(?:'s| is)(?: still| all| supposed to be| meant to be| to be)? (?:a |our |my |top )?secret"
                rf"(?: for now| still| from \w+(?: \w+)?)?{ENDS}"
            ),
        ),
        ("secret", False, r"\bsecret from (?!the\b|a\b|an\b|his\b|ancient)\w+"),
        (
            "confiden",
            False,
            (
                r"(?:\b(?:tell|told|telling|say|said|saying|shar(?:e|ed|ing)|speak|speaking|this is|strictly)\b"
                r"[^.!?]{0,24}|^)\bin (?:strict(?:est)? )?confidence\b(?! (?:interval|level|in\b|among))"
            ),
        ),
        ("confiden", False, rf"\b{IT}(?:'s| is) (?:strictly |highly |still )?confidential\b|\bconfidentially\b"),
        ("secret", False, r"\b(?:stay|stays|remain|remains|be kept|kept) (?:a |our |my )?secret\b"),
        ("secre", False, r"\bsworn (?:me )?to secrecy\b|\bi(?:'m| am|'ve been) secretly \w+ing\b"),
        ("our ", False, r"\b(?:our|my) (?:little |big )?secret(?= ?[:,.!?]|$)"),
        ("as confidential", False, r"\btreat (?:it|this|that) as confidential\b"),
        ("from me", False, r"\byou (?:didn't|did not) hear (?:it|this|that) from me\b"),
        ("eyes", False, r"\bfor your eyes only\b"),
        ("a secret", False, r"\bneed you to keep a secret\b"),
        ("not even", True, r"\b[Nn]ot even (?:[A-Z]\w+|my \w+|our \w+) knows\b"),
        ("lips", False, r"\blips (?:are|must be|stay) sealed\b"),
        ("room", False, r"\b(?:not|never|n't) leave (?:this|these) (?:four )?(?:room|walls)\b"),
        ("no further", False, rf"\b{IT} (?:goes|must go|should go) no further\b"),
        ("trust you", False, r"\btrust you (?:with (?:this|it|that)|to keep)\b"),
        ("only you", False, r"\bonly you know(?= ?[,.!?]*$| (?:about|of) (?:it|this|that)\b)"),
        (
            " are the ",
            False,
            r"\byou are the (?:only|first)(?: one| person)? (?:who knows|i(?:'ve| have)? t(?:ell|old)|to know)\b",
        ),
        ("al yet", False, rf"\b{IT}(?:'s| is)(?: not|n't) official yet\b"),
        ("shh", False, r"\bshh+\b"),
        ("hush", False, r"\bhush-hush\b"),
        ("record", False, r"\boff the record\b"),
        ("mum's", False, r"\bmum's the word\b"),
        ("ears", False, r"\bfor your ears only\b"),
        ("on the", False, r"\bon the (?:quiet|down-?low)\b"),
        ("psst", False, r"\bpss+t\b"),
        ("pssst", False, r"\bpss+t\b"),
        (
            "know",
            False,
            rf"{NOBODY} (?:{MUST} know|(?:can|needs to) know(?= ?[,.!?]*$| (?:about|of) {OURS}\b| yet\b| that (?:i|we)\b))",
        ),
        ("knows", False, rf"{NOBODY} knows(?= ?[,.!?]*$|, but| yet\b| (?:about|of) {OURS}\b| that (?:i|we)\b)"),
        ("find out", False, rf"{NOBODY} (?:{MUST}|can) find out\b(?! (?:why|how|what|where|whether|who|if)\b)"),
        ("hear", False, rf"{NOBODY} (?:{MUST}|can) hear (?:of|about) {OURS}\b"),
        (
            "know",
            True,
            (
                rf"\b{SOMEBODY} (?:{NOT_TO_KNOW} know\b|(?:can't|cannot) know (?:yet|about {OURS}|of {OURS}|that)\b"
                r"|(?:doesn't|don't|does not|do not) (?:even )?know (?:yet|anything (?:yet|about (?:it|this|that|us|my|our))"
                rf"|(?:about|of) {OURS}|(?:that )?(?:I|we)\b(?! (?:don't|do not))|that (?:my|our))\b)"
            ),
        ),
        (
            "no idea",
            True,
            rf"\b{SOMEBODY} (?:has|have) no idea\b(?! (?:how|what|why|who|where|when|which|of (?!it\b|this\b)))",
        ),
        ("asks", True, rf"\b[Ii]f (?:{SOMEBODY}|anyone|anybody) asks?, (?:I|we) (?:was|were|am|are|didn't|never|have)\b"),
        (
            " out",
            True,
            rf"\bif (?:{SOMEBODY}) (?:ever )?(?:found out|finds out)\b(?! (?:why|how|what|where|whether|who|if)\b)",
        ),
        ("rather", True, rf"\brather (?:{SOMEBODY}|nobody|no one) (?:(?:didn't|did not) )?(?:know|knew|find out|hear|heard)\b"),
        ("out of", True, rf"\bkeep {SOMEBODY} out of (?:it|this|that)\b"),
        (
            " from ",
            True,
            rf"\b(?:hiding|hide|hid|hidden) (?:it|this|that|them|an? \w+|the \w+|my \w+)(?: \w+){{0,4}}? from {SOMEBODY}",
        ),
        ("told", True, rf"\b{SOMEBODY} (?:has|have)(?:n't| not) told (?:anyone|anybody|a soul|{THEIRS} \w+)\b"),
        ("suspect", True, rf"\b{SOMEBODY} (?:doesn't|don't|does not|do not) suspect (?:anything|a thing)\b"),
        (
            "find out",
            True,
            rf"\b{SOMEBODY} (?:{NOT_TO_KNOW}|can't|cannot) find out\b(?! (?:why|how|what|where|whether|who|if)\b)",
        ),
        (
            "hear",
            True,
            (
                rf"\b{SOMEBODY} (?:{NOT_TO_KNOW} hear (?:of|about) {OURS}|(?:has|have)(?:n't| not) heard (?:of|about)"
                r" (?:it|this|that))\b"
            ),
        ),
        ("learn", True, rf"\b{SOMEBODY} {NOT_TO_KNOW} learn (?:of|about|that)\b"),
        ("notice", True, rf"\b{SOMEBODY} {NOT_TO_KNOW} notice\b"),
        (
            "see",
            True,
            (
                rf"\b{SOMEBODY} (?:mustn't|must not|must never|(?:is|are)n't (?:supposed|allowed|meant) to) see"
                r" (?:it|this|that|them)\b"
            ),
        ),
        (
            "without",
            False,
            (
                r"\b(?:i|i'd|i'll|we|we'd|we'll|me|us|to|how)\b[^.!?]{0,60}?"
                rf"\bwithout (?:{THEIRS} \w+|[\w']+) (?:ever )?(?:knowing|noticing|finding out|suspecting)\b"
            ),
        ),
        ("behind", False, rf"\bI(?:'m| am|'ll|'ve| have)? [^.!?]{{0,60}}?\bbehind (?:{THEIRS}|\w+'s) back\b(?! pocket)"),
    )
)
"""A word that stands in it, in lower case; how it is asked for; and how by somebody who writes no capitals, names included."""

DENIED: Final = frozenset(
    (
        "told",
        "know",
        "knows",
        "let",
        "say",
        "show",
        "see",
        "hear",
        "learn",
        "share",
        "pass",
        "want",
        "mention",
        "find out",
        "room",
    )
)
"""Words whose rules all deny something: nothing is looked for where nothing is denied, as in most of what is said."""

DENIALS: Final = ("n't", "not", "never", "nobody", "no one", "no-one", "none ")

SURPRISE: Final = re.compile(
    r"\b(?:plan|prepar|organi[sz]|arrang|throw|host|mak|giv|book|buy|knit|bak|hav)(?:e|s|n?ing)? [^.!?]{0,24}?"
    r"(?<!no )(?<!any )\bsurprise\b(?! (?:me|myself)\b)"
    r"|\bsurprise (?:\w+ )?(?:is )?for (?!me\b|us\b|you\b|no\b|nobody|no one|any|every|all\b|many\b|most\b"
    r"|the (?:whole|market|experts|industry))(?:(?:my|our|his|her|their) )?[\w']+(?: birthday| anniversary)?"
    r"|(?<!came )(?<!come )(?<!comes )(?<!coming )\bas a surprise(?! (?:to|that|when|how|for (?:me|us|every\w+))\b)"
    rf"|\b{IT}(?:'s| is|'ll be| will be) (?:all |still |supposed to be |meant to be |to be )*(?:a|the|our|my) surprise"
    r"(?! (?:that|to|how|when|hit|winner|win|for (?:me|us|every\w+))\b)(?: for \w+(?: \w+)?)?"
    r"|\b(?:i|we)(?:'m| am|'re| are|'ll| will| want to|'d like to)(?: going to)? "
    r"surprise (?!you\b|me\b|myself\b|us\b|every)[\w']+",
    re.IGNORECASE,
)
OVER: Final = re.compile(
    r"\b(?:was|were|wasn't|threw|had|went|gave|came|got|last (?:year|month|week|summer|winter|time)|ago|yesterday|nobody"
    r"|hate|love|like|ever|what a|always|no surprise|used to|if|would)\b",
    re.IGNORECASE,
)
"""A surprise that was, or that is spoken of at large, is none that could be spoilt."""

NO_LONGER: Final = re.compile(
    r"\b(?:no need to|needn't|(?:don't|didn't|doesn't) (?:have|need|want) to|no longer|any ?more|any longer|no secret"
    r"|not a secret|(?:can|could|may) (?:now )?tell (?!you)|used to|tired of)\b",
    re.IGNORECASE,
)
"""What takes a secret back, or speaks of its end."""

UNMARKED: Final = re.compile(r"\b(do|does|did|must|wo|ca|should|could|would|has|have|is|are)nt\b", re.IGNORECASE)
"""As it is typed in haste."""

HASTE: Final = tuple(f"{word}nt" for word in ("do", "does", "did", "must", "wo", "ca", "ould", "has", "have", "is", "are"))
"""Of which one stands in it then. Looked for first: most texts with "nt" have only "went" or "wants"."""

TO_COME: Final = re.compile(r"\b(?:keep|tell you|here's|have|got) a secret\b|\babout to (?:say|tell)\b", re.IGNORECASE)
SAYING_NOTHING: Final = """
please pls okay ok promise sure right yeah yes oh hey well um hm psst now yet still really thanks thank anyway honestly
listen birthday anniversary all ever course something secret word
"""
FILLER: Final = frozenset(SAYING_NOTHING.split())
"""What may stand beside a request without saying anything."""

WORD: Final = re.compile(r"[^\W\d_][\w'-]*")
SHORT: Final = 200
"""Characters of a text that says nothing else."""


MOST_ANSWERS: Final = 65_536
ANSWERS: Final[dict[int, bool]] = {}
"""By the hashes of texts alone, which are forgotten: a talk is looked at again with each recall that finds a turn of it."""


def tells_in_confidence(text: str) -> bool:
    """Whether a text says of itself that it is not to be passed on."""
    key = hash(text)
    known = ANSWERS.get(key)
    if known is None:
        known = next(requests(text), None) is not None
        if len(ANSWERS) >= MOST_ANSWERS:
            ANSWERS.clear()
        ANSWERS[key] = known
    return known


def asks_for_nothing_else(text: str) -> bool:
    """Whether all that a text says is that something is not to be passed on: what that is, stands before it or after it."""
    if len(text) > SHORT:
        return False

    rest, found = in_full(text), list(requests(text))
    for asked in found:
        rest = rest.replace(asked, " ")
    words = [word for word in WORD.findall(rest) if word[:1].islower()]
    return bool(found) and all(word in STOPWORDS or word in FILLER for word in words)


def announces_one(text: str) -> bool:
    """Whether it is about to be said, rather than was said before: "can you keep a secret?"."""
    return TO_COME.search(straight(text)) is not None


def in_full(text: str) -> str:
    """The text with plain apostrophes, also where they were left out."""
    text = straight(text)
    if "nt" not in (lowered := text.lower()) or not any(word in lowered for word in HASTE):
        return text
    return UNMARKED.sub(r"\1n't", text)


def requests(text: str) -> Iterator[str]:
    """The words by which a text asks for it, sentence by sentence."""
    text = in_full(text)
    lowered = text.lower()
    denies = any(word in lowered for word in DENIALS)
    rules = [rule for rule in RULES if rule[0] in lowered and (denies or rule[0] not in DENIED)]
    surprises = "surprise" in lowered
    if not rules and not surprises:
        return

    carefully = lowered != text
    for found in SENTENCE.finditer(text):
        sentence = found.group().strip()
        hits = found_in(sentence, rules, carefully=carefully)
        if surprises:
            hits += surprises_in(sentence)
        # Last, since it is dear: few sentences come so far.
        if hits and NO_LONGER.search(sentence) is None:
            yield from hits


def found_in(sentence: str, rules: Sequence[Rule], *, carefully: bool) -> list[str]:
    """What of a sentence the rules find."""
    lowered = sentence.lower()
    denies = any(word in lowered for word in DENIALS)
    tried = (rule for rule in rules if rule[0] in lowered and (denies or rule[0] not in DENIED))
    hits = ((as_written if carefully else in_any_case).search(sentence) for _, as_written, in_any_case in tried)
    return [hit.group() for hit in hits if hit is not None]


def surprises_in(sentence: str) -> list[str]:
    """What of a sentence speaks of a surprise that is still to come."""
    if "surprise" not in sentence.lower() or OVER.search(sentence) is not None:
        return []
    hit = SURPRISE.search(sentence)
    return [] if hit is None else [hit.group()]
