"""Words: cutting a text into them, and bringing their forms together. Knows English's small words, nothing of topics."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["STOPWORDS", "content", "normalise", "stem", "tokens", "words_of"]


def words_of(text: str) -> frozenset[str]:
    """The words of a list that is written as a text."""
    return frozenset(text.split())


STOPWORDS = words_of(
    """a an the and or but so if of in on at to for from with by as into onto over under about is are was were be been being am
    do does did done doing have has had having i you he she it we they me him her us them my mine your his its our ours their
    this that these those there here s t can could will would should may might must shall just very too also than then up out
    only really quite some any all both each every such what which who whom whose when where why how while because though
    although until till after before during again ever even still already yet else own same other another one ones
    myself yourself himself herself itself ourselves themselves off down away back get got gets getting gotten go goes going
    went gone let lets make made makes making thing things something anything everything way lot lots bit much many more most
    less least few like ok okay yes yeah oh ah well please thanks now today tonight anyway maybe perhaps
    not no never nobody none nothing neither nor without cannot hardly barely nowhere n't no-one nope
    say says said tell told know think want need
    zero two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand""",
)

CONTRACTIONS = (
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"\bcan't\b|\bcannot\b"), "can not"),
    (re.compile(r"\bshan't\b"), "shall not"),
    (re.compile(r"\bain't\b"), "is not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"\bi'm\b"), "i am"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'ll\b"), " will"),
    (re.compile(r"\b(it|that|there|here|what|who|he|she|where)'s\b"), r"\1 is"),
    (re.compile(r"\b(i|you|he|she|it|we|they|there)'d\b"), r"\1 would"),
    (re.compile(r"\bno one\b"), "nobody"),
)

# What something is merely compared with is not spoken of: "runs around like a dog", "as quiet as a mouse".
SIMILE = re.compile(
    r"(?<!would )(?<!\bi )(?<!\bwe )(?<!\bthey )(?<!\byou )(?<!not )(?<!really )\blike an? (?:[\w-]+ )?[\w-]+\b"
    r"|\bas [\w-]+ as (?:an? )?[\w-]+\b"
)

# What people say for a plain word.
IDIOMS = (
    (re.compile(r"\b(?:piece of cake|walk in the park|child's play|no sweat|a doddle|breeze)\b"), "easy"),
    (re.compile(r"\b(?:bor(?:e[sd]?|ing) (?:me|us|him|her|them|everyone) (?:to (?:tears|death)|stiff))\b"), "was boring"),
    (re.compile(r"\bput (?:me|us|him|her|them) to sleep\b"), "was boring"),
    (re.compile(r"\bon the edge of (?:my|our|his|her|their) seats?\b"), "exciting"),
    (re.compile(r"\bcould not put (?:it|the \w+) down\b"), "exciting"),
    (re.compile(r"\bunder the weather\b"), "ill"),
    (re.compile(r"\bover the moon\b|\bon cloud nine\b"), "happy"),
    (re.compile(r"\bdown in the dumps\b"), "sad"),
    (re.compile(r"\bcosts? (?:an arm and a leg|a fortune|the earth)\b|\bdaylight robbery\b"), "is expensive"),
    (re.compile(r"\bdirt cheap\b|\ba steal\b"), "cheap"),
    (re.compile(r"\bnight owl\b"), "evening person"),
    (re.compile(r"\bearly bird\b"), "morning person"),
    (re.compile(r"\brolling in (?:money|it)\b|\bloaded\b|\bwell[- ]off\b"), "rich"),
    (re.compile(r"\bhard up\b|\bskint\b|\bpenniless\b"), "poor"),
    (re.compile(r"\bkicked the bucket\b|\bpassed away\b"), "died"),
    (re.compile(r"\bout of order\b|\bon the blink\b|\bgiven up the ghost\b"), "broken"),
    (re.compile(r"\bsold out\b"), "full"),
    (re.compile(r"\bbone dry\b"), "dry"),
    (re.compile(r"\bsoaking wet\b|\bsoaked\b"), "wet"),
    (re.compile(r"\bfast asleep\b|\bsound asleep\b"), "asleep"),
    (re.compile(r"\bspotless\b|\bspick and span\b"), "clean"),
    (re.compile(r"\b(?:grand(?:ma|mother|mum)|granny|gran|nana)\b"), "grandmother"),
    (re.compile(r"\b(?:grand(?:pa|father|dad)|gramps)\b"), "grandfather"),
)

# Forms that no ending explains, each with its base form.
IRREGULAR = {
    form: base
    for base, forms in {
        "swim": "swam swum",
        "eat": "ate eaten",
        "drink": "drank drunk",
        "buy": "bought",
        "sell": "sold",
        "pay": "paid",
        "speak": "spoke spoken",
        "write": "wrote written",
        "see": "saw seen",
        "meet": "met",
        "leave": "left leaves",
        "live": "lived lives living",
        "give": "gave given",
        "take": "took taken",
        "come": "came",
        "begin": "began begun",
        "find": "found",
        "lose": "lost",
        "win": "won",
        "wear": "wore worn",
        "run": "ran running",
        "ride": "rode ridden",
        "sleep": "slept",
        "grow": "grew grown",
        "break": "broke broken",
        "teach": "taught",
        "keep": "kept",
        "hold": "held",
        "hear": "heard",
        "sit": "sat",
        "stand": "stood",
        "choose": "chose chosen",
        "fly": "flew flown flies",
        "fall": "fell fallen",
        "feel": "felt",
        "build": "built",
        "send": "sent",
        "spend": "spent",
        "hire": "hiring",
        "sing": "sang sung",
        "shut": "shutting",
        "child": "children kid kids",
        "man": "men",
        "woman": "women",
        "person": "people persons",
        "foot": "feet",
        "tooth": "teeth",
        "wife": "wives",
        "dad": "father papa daddy",
        "mum": "mother mom mama mummy mam mammy",
        "parents": "parent",
        "die": "died dead dying dies",
        "marry": "married marries",
        "flat": "flats apartment apartments",
        "film": "movie movies films",
        "fine": "fines",
        "tv": "telly television",
        "favourite": "favorite favorites",
        "colour": "color colors",
        "holiday": "vacation vacations",
        "purchase": "purchased",
        "big": "large",
        "enjoy": "enjoyed enjoying",
        "storey": "storeys",
        "early": "early earlier",
        "dine": "dining dined",
        "drive": "drove driven driver",
    }.items()
    for form in forms.split()
}

WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
VOWEL = re.compile(r"[aeiouy]")


def normalise(text: str) -> str:
    """The text in small letters, with straight quotes and contractions spelt out."""
    text = text.lower().replace("\u2019", "'").replace("\u2018", "'")
    for pattern, full in (*CONTRACTIONS, *IDIOMS):
        text = pattern.sub(full, text)
    return SIMILE.sub(simile, text)


def simile(match: re.Match[str]) -> str:
    """Of "as quiet as a mouse" the quality stays."""
    return match[0].split()[1] if match[0].startswith("as ") else " "


def tokens(normalised: str) -> tuple[str, ...]:
    """The words of a normalised text, possessive endings dropped."""
    return tuple(word.removesuffix("'s").removesuffix("'") for word in WORD.findall(normalised))


def content(words: tuple[str, ...]) -> frozenset[str]:
    """Stems of the words that carry a topic: no small words, no bare numbers."""
    return frozenset(stem(word) for word in words if word not in STOPWORDS and not word[0].isdigit() and len(word) > 1)


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """A word's base form, by a table of irregular forms and a few endings; wrong for some, the same for both sides."""
    if word in IRREGULAR:
        return IRREGULAR[word]

    for ending, base in (("ies", "y"), ("ying", "y"), ("ied", "y")):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return word[: -len(ending)] + base

    for ending in ("ing", "ed", "ly"):
        root = word[: -len(ending)]
        if word.endswith(ending) and len(root) > 2 and VOWEL.search(root):
            return trim(root)

    if word.endswith("es") and len(word) > 4 and word[-3] in "sxzho":
        return trim(word[:-2])

    if word.endswith("s") and len(word) > 3 and word[-2] not in "suia":
        return trim(word[:-1])

    return trim(word)


def trim(root: str) -> str:
    """A root without a doubled last letter or a silent e, so that stopped, stop and stopping meet."""
    if len(root) > 3 and root[-1] == root[-2] and root[-1] not in "sl":
        return root[:-1]
    if len(root) > 3 and root.endswith("e"):
        return root[:-1]
    return root
