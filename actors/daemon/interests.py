"""Interests: which of the words that come up again and again are things that somebody may care for. Pure; English.

Without a tagger of parts of speech: what is left out are verbs, adverbs, qualities, times and measures that everybody uses, the
people of a talk by relation and by name, and single names of people.
"""

from __future__ import annotations

import re
from typing import Final

from actors.daemon.extract import content
from actors.text.languages import is_english
from actors.text.sentences import sentences, straight
from actors.text.stopwords import STOPWORDS

__all__ = ["interests_in", "is_everyday", "names_in", "stems"]

EVERYDAY: Final = """
accept ache add agree allow answer appear argue arrive ask attend avoid become begin believe belong bother break bring
build buy call calm cancel care carry catch cause change chat check choose clean clear close come complain consider
continue count cover cry cut deal decide describe die disagree do drive drop eat end enjoy enter escape expect explain
fail fall feel fight figure fill find finish fit fix follow forget forgive get give go grow guess handle happen hate
hear help hide hit hold hope hurt imagine improve include join joke jump keep kill know land last laugh lead learn
leave lend let lie like listen live look lose love lower manage matter mean meet mention mind miss move need notice
occur offer open order owe own pass pay pick place plan play point prefer prepare pretend promise prove pull push put quit
raise reach read realise realize receive recommend refuse regret relax remain remember remind remove repeat reply
respond rest return ride rise run save say see seem sell send set settle share show shut sit sleep slow smile sort
sound speak spend spread stand start stay steal stick stop struggle stuff succeed suffer suggest suppose surprise
switch take talk teach tell tend thank think throw touch treat trust try turn understand use visit wait wake walk want
warn wash waste watch wear win wish wonder work worry write
ate became began begun bought broke broken brought built came caught chose chosen cried died done drank drove drunk
fallen fell felt forgot forgotten fought found gave given goes gone gotten grew grown heard held hidden kept knew
known laid led left lent lost lying meant met paid ran risen rode rose said sat saw seen sent shook shown slept sold
spent spoke spoken stole stood stuck taken taught thought threw told took torn understood went wept woke woken won
wore worn written wrote
able above across actually allergic against ago almost alone along already alright although another anybody anyone anything
anyway anywhere apart around asleep away awesome awful awkward back bad badly barely basically beautiful behind below
besides best better between beyond both brilliant busy careful certain certainly cheap clearly close cold common
completely cool correct couple crazy curious currently dark dear deep definitely different difficult directly down
during each early easily easy either else elsewhere empty enough entire especially every everybody everyone everything
everywhere exactly excited exciting extra fair fairly famous far fast favorite favourite few fine first forward free
fresh full fully funny further general gently glad gonna gotta half happy hard hardly heavy hello herself high himself
honest honestly hopefully hot however huge hundred hungry important indeed instead interested interesting itself kind
kinda late lately later least less likely literally little lonely long loud lovely low lucky mainly many might mine
mostly must myself near nearly new next nice nobody none nope nor normal normally nothing nowhere obviously off often
old once open opposite other others otherwise ought ourselves own particular perfect perhaps personal pleased plenty
poor possible pretty previous probably proper properly proud quick quickly quiet quite rather ready real recent
recently right rough round sad safe same second secret serious seriously several shall short sick similar simple
simply since slightly slow slowly small soft somebody somehow someone something sometimes somewhat somewhere soon
sorry special straight strange strong stupid such sudden suddenly super sure sweet terrible that themselves therefore
these third those though three through thus tight tiny tired together tough toward towards true truly twice
unfortunately unless until upset usual usually warm weird were whatever whenever whether while whole whom whose within
without wonderful worse worst worth wrong yesterday yet young your yours yourself
afternoon age april august autumn century date day december evening fall february five four friday hour january july
june lunch march may midnight minute moment monday month morning night november october people person quarter saturday
season second september six spring summer sunday ten thousand thursday tomorrow tonight tuesday wednesday week weekend
winter year
advice anniversary answer area birthday bit case
chance deal end example fact feeling guy hand idea issue item kind level life list lot man
mind name number others part piece place plan point problem question reason rest result room side someone sort stuff
style task thing time topic trouble type version way while woman word world
aunt baby boss boy boyfriend brother child children colleague cousin coworker dad daughter family father fiance
fiancee flatmate friend girl girlfriend grandfather grandma grandmother grandpa husband kid mom mother mum neighbor
neighbour nephew niece parent partner roommate sister son teacher twin uncle wife
afraid angry annoyed anxious ashamed bored confused depressed disappointed embarrassed exhausted frightened grateful jealous
nervous overwhelmed relieved scared stressed thrilled worried
"""
"""Verbs, as one looks them up and as they change; qualities, measures; times; things that may be anything; relatives."""

LEFT_OUT: Final = frozenset(EVERYDAY.split())

ACTIVITY = re.compile(
    r"\b(?:loves?|enjoys?|likes?|into|about|keen on|fond of|starts?|started|goes|go|went|been|hobby is)\s+(\w+ing)\b",
    re.IGNORECASE,
)
"""What is done, rather than that something was done: "I love climbing"."""

SAID_OF_PEOPLE = re.compile(
    r"\b(?:called|named|with|met|saw|told|asked|(?i:her|his) name is) ([A-Z][^\W\d_]+)\b"
    r"|\b([A-Z][^\W\d_]+)(?:'s\b| (?:wants|said|says|thinks|told|asked|phoned|rang|promised|laughed|cried|has met|broke up)\b)"
)
"""Names beside what is said of people alone."""

ENDINGS: Final = (("ies", "y"), ("ied", "y"), ("es", ""), ("s", ""), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e"))
"""Endings of word forms, each with what stands in its place in the form that one looks up."""


def interests_in(text: str, *, names: frozenset[str] = frozenset()) -> list[str]:
    """Content words of a text that may be interests; `names`, in lower case, are those of people."""
    if not is_english(text):
        return []
    activities = {found.lower() for found in ACTIVITY.findall(text)}
    return [word for word in content(text) if word in activities or is_thing(word, names)]


def is_thing(word: str, names: frozenset[str]) -> bool:
    """Whether a word is none of those that everybody uses."""
    plain = word.removesuffix("'s")
    return len(plain) > 3 and plain not in names and not is_everyday(plain)


def is_everyday(word: str) -> bool:
    """Whether a word is a form of one that everybody uses."""
    return any(stem in LEFT_OUT for stem in stems(word))


def stems(word: str) -> list[str]:
    """What a word may be a form of: "worries", "called", "living", "stopped", "weeks"."""
    found = [word]
    for ending, instead in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 2:
            stem = word[: -len(ending)] + instead
            found.append(stem)
            if len(stem) > 3 and stem[-1] == stem[-2] and ending in {"ed", "ing"}:
                found.append(stem[:-1])

    return found


def names_in(text: str) -> set[str]:
    """Single names of people, in lower case, as far as what stands beside them shows that they are."""
    named = [one or other for sentence in sentences(text) for one, other in SAID_OF_PEOPLE.findall(straight(sentence))]
    return {name.lower() for name in named} - STOPWORDS
