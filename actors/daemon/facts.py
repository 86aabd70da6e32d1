"""Which sentences of a turn tell something that lasts: of who speaks, and of the people and animals of theirs. Pure; English.

It goes by form: what one is, has, does, and what has happened for good, over against how one feels, where one is just now, and
what is supposed, reported or pointed at.
"""

from __future__ import annotations

import re
from typing import Final

from actors.daemon import people
from actors.daemon.own_words import own_sentences

__all__ = ["facts", "tells_something_lasting"]

LONGEST_FACT: Final = 40
"""Words of a fact."""

POINTED_AT: Final = (
    r"(?:it|this(?! (?:\w+day|week|weekend|month|year|spring|summer|autumn|winter)\b)|that|them|him|her|you|your|those|these"
    r"|the idea|what|how|so)\b"
)
LASTING_VERBS: Final = (
    "live|lived|work|worked|study|studied|speak|own|like|love|hate|prefer|enjoy|play|grew|eat|drink|teach|swim|collect|sing"
    "|paint|rent|practi[cs]e|run|cycle|volunteer|coach|train|take|grow|raise|cook|bake|ride|drive|wear|smoke|commute|used to"
    "|never (?:learn(?:ed|t)|eat|drink|smoke|had)|don't (?:eat|drink|like|have|own|speak|smoke|drive|swim)"
    "|can't (?:eat|stand|drive|swim|have|drink)"
)
EVENTS: Final = (
    "moved|quit|gave up|stopped|started|began|sold|adopted|married|graduated|retired|resigned|signed|registered|joined"
    "|enrolled|booked|passed|failed|founded|inherited|proposed|published|became|separated|divorced|switched to|won"
    "|bought (?:an?|the|my|our|tickets)|got (?:married|engaged|divorced|promoted|fired|the job|(?:an?|the) (?:new|job"
    "|dog|cat|puppy"
    "|kitten|flat|house|car|offer|promotion|raise|visa|degree|licen[cs]e|place))|broke (?:my|up)|lost my"
    "|met (?:someone|somebody|an?)|found (?:an?|the)|been (?:laid off|fired|promoted|accepted|diagnosed)"
)
"""What has happened for good, whatever day it was on."""

NOT_FOR_GOOD: Final = (
    rf"(?:{POINTED_AT}|(?:crying|laughing|thinking|wondering|feeling|worrying|by|out)\b"
    r"|to (?:cry|think|feel|wonder|worry|laugh)\b)"
)
"""What begins or ends by the way, and what points at something said before."""

OTHERS_DO: Final = (
    "is|are|was|were|has|have|had|lives?|lived|works?|worked|needs?|loves?|likes?|hates?|wants?|moved|died|plays?"
    "|studies|studied"
    r"|speaks?|teaches|turn(?:s|ed) \d+|left|quit|started|bought|visits?|failed|passed|broke|married|retired|proposed"
    r"|doesn't|don't"
    "|can't|gave|made|got"
)
FACT: Final = re.compile(
    rf"\b(?:I'm|im (?:a|an|from|not)|I am|I was|I(?:'ve| have)(?! (?:got )?to\b)"
    rf"|I(?:'ll (?:still|never|always|only)| (?!thought|think|guess|wish|hope)[\w']+)? (?:{LASTING_VERBS}"
    rf"|{EVENTS})(?! {NOT_FOR_GOOD})"
    rf"|(?:my|our) [\w' -]{{1,40}}? (?:{OTHERS_DO})|my name's"
    rf"|we(?:'ve| have(?! to\b)|'re| are| live| own|(?: [\w']+)? (?:{EVENTS})(?! {NOT_FOR_GOOD})))\b",
    re.IGNORECASE,
)
# Whoever says who they are needs two words for it: "I'm Mara.", "I'm vegetarian."
NAMED: Final = re.compile(
    r"(?:\w+,? )?I(?:'m| am) (?:[A-Z][^\W\d_]+|vegetarian|vegan|teetotal|coeliac|celiac|diabetic|asthmatic|epileptic|pregnant"
    r"|retired|married|divorced|widowed|single|deaf|blind|autistic|dyslexic|left-handed|right-handed)\W*"
)

FEELINGS: Final = (
    "sorry|sure|glad|happy|unhappy|fine|here|there|back|ok|okay|great|stressed|nervous|exhausted|tired|sad|excited"
    "|angry|worried"
    "|bored|hungry|thirsty|starving|starved|freezing|frozen|soaked|sick of|over the moon|done|lost|confused|surprised"
    "|proud|ready|late"
    "|early|off|upset|annoyed|curious|pleased|relieved|thrilled|delighted|furious|mad|frustrated|disappointed|devastated"
    "|heartbroken|knackered|overwhelmed|anxious|lonely|homesick|jealous|embarrassed|ashamed|grateful|thankful|touched"
    "|impressed"
    "|shocked|stunned|amazed|speechless|numb|useless|hopeless|hopeful|asleep|awake|up|down|outside|stuck|alone|busy"
    "|dizzy|drunk"
    "|hungover|restless|grumpy|fed up|kidding|joking|serious|impossible|right|wrong|convinced|torn|tempted|supposed"
    "|told|about to"
    "|ill|unwell|under the weather|feverish|jelly|good(?! at| with)|better|worse|well|(?:afraid|scared|terrified|frightened)"
    r"(?! of (?!it\b|this\b|that\b|them\b|him\b|her\b|you\b)\w+)"
    "|in (?:pain|tears|shock|a (?:hurry|rush|\\w+ mood|mood)|bed|town|traffic)|at (?:work|home|it)|on (?:hold|my way|the way)"
    "|all (?:ears|set|good)|not (?:sure|ill|sick|hungry|tired)"
)
WHILE: Final = (
    "learning|studying|training|saving|working (?:as|at|for|in|with|part|full|from|nights|shifts)|living|teaching"
    "|dating|getting"
    "|moving|expecting|taking (?!it|a (?:break|nap|bath|shower|look|walk)|the (?:bus|train|tram|car))|retiring"
    "|renovating|building|raising"
    "|quitting|leaving (?:my|the|our)|starting|joining|switching|changing|buying|selling|adopting|renting|volunteering"
    "|coaching"
    "|recovering|suffering|allergic|marrying|becoming|growing|writing (?:a|my)|planning|applying|missing (?:a|one)"
    "|seeing somebody"
    "|seeing someone"
)
"""What one is at for weeks, rather than at this moment."""

NO_ACTIVITY: Final = (
    "morning|evening|ceiling|king|thing|nothing|something|everything|anything|boring|interesting|amazing|caring"
)
PLACES: Final = (
    "train|tram|bus|metro|tube|subway|plane|ferry|boat|taxi|cab|car|van|bike|way|road|motorway|stop|station|airport"
    "|gate|platform"
    "|queue|line|sofa|couch|bed|bath|bathtub|shower|toilet|kitchen|balcony|terrace|garden|floor|bench|chair|office"
    "|desk|meeting"
    "|lecture|class|call|phone|supermarket|shop|checkout|mall|pub|bar|caf\u00e9|cafe|restaurant|cinema|theatre|gym"
    "|pool|beach|park"
    "|doctor's|dentist|dentist's|hairdresser|hairdresser's|vet's|hospital|waiting room|hotel|lobby|lift|library|laptop|mobile"
)
PASSING: Final = re.compile(
    # How one feels, what one is about to do, where one is, manners, and what points at something said before.
    rf"(?:\b(?:am|is|are|was|were|feel|feels|felt|been)|'m|'re|'s) (?:(?:not|so|very|still|pretty|quite|a bit"
    rf"|a little|just"
    rf"|super|too|as|also|all|\w+ly) )*(?:(?:{FEELINGS})\b|(?!(?:{WHILE}|{NO_ACTIVITY})\b)[a-z]+ing\b"
    rf"|(?:on|in|at|by|outside|inside|near|under) (?:the|a|an|my|our) (?:\w+ ){{0,2}}?(?:{PLACES})(?![\w-])"
    r"|(?:on|in) (?:the )?(?:phone|air|mood)\b|not? (?:her|his|their|your) \w+)"
    r"|\b(?:I'?m|I am|I was) (?:just|going to|not sure)\b"
    r"|\bI was (?!born|raised|brought|diagnosed|promoted|fired|laid off|made redundant|accepted|married|engaged"
    r"|divorced|adopted|never|once"
    r"|(?:in|at|on) (?:the |a )?\w+ (?:for|until|from)|an? (?!bit|little|mess|wreck|fool)|the |\d)"
    rf"|\bI(?: really| just| also| still)? (?:love|like|hate|prefer|own|play|eat|drink|take) (?:it )?(?:when"
    rf"|how) (?:he|she|they|it|you)\b"
    r"|\bI(?:'ve| have)(?: got| had)?(?: just)? (?:no (?:\w+ )?(?:idea|energy|time|clue|words|appetite|money|plans"
    r"|strength|signal|internet"
    r"|choice)|an? (?:\w+ ){0,2}(?:question|idea|feeling|hunch|point|favour|favor|request|problem|moment|minute|second|cold"
    r"|headache|migraine|fever|hangover|cough|sore throat|stomach ache|day off|break|meeting|call)\b|the flu|nothing"
    r"|enough|had"
    r"|(?:just |already )?(?:eaten|slept|seen|heard|read|tried|asked|told|said|forgotten|thought|noticed|changed my)\b)"
    r"|\b(?:doing|feeling) (?:well|fine|good|great|better)\b"
    r"|\b(?:my|our) (?:\w+ )?(?:head|legs?|feet|brain|eyes|stomach|phone|battery|internet|wi-?fi|train|bus|taxi|food"
    r"|dinner|lunch"
    r"|pizza|coffee|tea|day|morning|evening|night|mood|turn|stop) (?:is|are|was|were|feels?|hurts?|has|have)\b"
    # What somebody who was named before thinks or says of whoever speaks.
    r"|^(?:\w+,? )?(?:he|she|they) (?:thinks?|thought|says?|said|believes?|claims?|claimed|reckons?|told me"
    r"|swears?) (?:that )?(?:I|we|my)\b",
    re.IGNORECASE,
)
FOR_LONG: Final = re.compile(
    r"\bbeen \w+ing\b.*\b(?:since\b|for (?:\w+ ){0,2}(?:years?|months?|weeks?|ages|decades?)\b)", re.IGNORECASE
)
DREAMT: Final = re.compile(
    r"\b(?:dreamt|dreamed|nightmare|in my dream|dream last night|(?:weird|strange|odd|funny|crazy|bad|vivid) dream)\b",
    re.IGNORECASE,
)
ONLY_TODAY: Final = re.compile(
    r"\b(?:today|tonight|right now|at the moment|this (?:morning|afternoon|evening|week|weekend))\b", re.IGNORECASE
)
EVENT: Final = re.compile(
    rf"\b(?:I|we)(?:'ve| have)?(?: just| finally| both)? (?:{EVENTS}|decided)\b"
    r"|\b(?:died|passed away|gave birth|had a baby|got married|got engaged|moved|graduated|retired)\b",
    re.IGNORECASE,
)
"""What outlasts the day on which it happened."""

SUPPOSED: Final = re.compile(
    r"\b(?:if|maybe|perhaps|wish|imagine|suppose|let's say|what if|joking|kidding|pretend|probably)\b", re.IGNORECASE
)
"""Makes a supposition of what follows it in the sentence."""

WOULD: Final = re.compile(r"\b(?:would|could|might|should)(?:n't)?\b", re.IGNORECASE)
CLAUSE: Final = re.compile(
    r"[,;:\u2013\u2014-] | (?=(?:but|because|although|though|and|while|which)\b|so (?:I|we|it|he|she|they|you|there"
    r"|that|my|our|[A-Z]))"
)

NAME_LIKE: Final = frozenset({"Mum", "Mom", "Dad", "Mummy", "Daddy", "Granny", "Grandma", "Grandpa", "Grandad", "Nana"})
OTHERS_START: Final = re.compile(rf"(?:[\w']+ )??(?:{OTHERS_DO})\b")
SOMEBODY: Final = re.compile(rf"\b(?:my|our) [\w' -]{{1,40}}? (?:{OTHERS_DO})\b", re.IGNORECASE)
FURTHER: Final = re.compile(
    rf"(?:he|she|they|his|her|their)\b(?:'s|'re|'ve| (?:[\w']+ ){{0,3}}?(?:{OTHERS_DO}))\b", re.IGNORECASE
)
"""A sentence that goes on about whom the one before named."""


def facts(text: str, *, names: frozenset[str] = frozenset()) -> list[str]:
    """The sentences of a turn that tell something lasting about the speaker, as they were said.

    So do sentences about the people and animals of theirs whose `names` are known. What goes on about somebody ("He's a
    beagle.") stands with the sentence that says of whom it speaks. What is quoted, pasted or code tells nothing.
    """
    found: list[str] = []
    about: str | None = None
    for sentence, own in own_sentences(text):
        length = len(sentence.split())
        if about is not None and length <= LONGEST_FACT and goes_on_about(own):
            if len(about.split()) + length <= LONGEST_FACT:
                found = [*(one for one in found if one != about), f"{about} {sentence}"]
                about = found[-1]
            continue

        named = starts_with_name(own, names)
        about = sentence if (named or SOMEBODY.search(own) or people.relationships(own)) and not own.endswith("?") else None
        if length <= LONGEST_FACT and tells_something_lasting(own, named=named):
            found.append(sentence)

    return found


def tells_something_lasting(own: str, *, named: bool = False) -> bool:
    """Whether a sentence, in its speaker's own words, does; `named`: it begins with the name of somebody of theirs."""
    if is_of_the_moment(own):
        return False
    if NAMED.fullmatch(own) and not PASSING.search(own):
        return True
    if len(own.split()) < 3:
        return False

    clauses = asserted(own)
    telling = [clause for place, clause in enumerate(clauses) if FACT.search(clause) or (named and place == 0)]
    return any(not is_passing(clause) for clause in telling)


def goes_on_about(own: str) -> bool:
    """Whether a sentence says something lasting of whom the one before named."""
    return (
        FURTHER.match(own) is not None and not is_of_the_moment(own) and not any(is_passing(one) for one in asserted(own)[:1])
    )


def is_of_the_moment(own: str) -> bool:
    """Whether a sentence as a whole asks, tells a dream, or speaks of this day alone."""
    if own.endswith("?") or DREAMT.search(own):
        return True
    return ONLY_TODAY.search(own) is not None and EVENT.search(own) is None


def is_passing(clause: str) -> bool:
    """Whether a clause tells nothing that lasts."""
    return PASSING.search(clause) is not None and FOR_LONG.search(clause) is None


def asserted(own: str) -> list[str]:
    """The clauses of a sentence that say how things are, rather than how they would be."""
    if (supposed := SUPPOSED.search(own)) is not None:
        own = own[: supposed.start()]
    return [clause for clause in CLAUSE.split(own) if clause.strip() and not WOULD.search(clause)]


def starts_with_name(sentence: str, names: frozenset[str]) -> bool:
    """Whether it says of somebody of that name what they are or do."""
    first, _, rest = sentence.partition(" ")
    known = names | NAME_LIKE
    return first.removesuffix("'s") in known and (first not in known or OTHERS_START.match(rest) is not None)
