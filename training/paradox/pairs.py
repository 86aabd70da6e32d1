"""Makes training pairs: frames.txt said in all moods, by all sorts of people, and the pairs of written.txt. Seeded; needs no data.

A pair is (earlier, later, speakers, gap, label). Labels: 0 contradiction, 1 update, 2 compatible, 3 unrelated.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

__all__ = ["LABELS", "Pair", "made", "written"]

LABELS = ("contradiction", "update", "compatible", "unrelated")
CONTRADICTION, UPDATE, COMPATIBLE, UNRELATED = range(4)
HERE = Path(__file__).parent

PEOPLE = (
    ("my sister", "she"), ("my brother", "he"), ("Tom", "he"), ("Nadia", "she"), ("my flatmate", "he"), ("aunt Rosa", "she"),
    ("Yusuf", "he"), ("our neighbour", "she"), ("my boss", "she"), ("Elin", "she"), ("my cousin", "he"), ("Pavel", "he"),
    ("my daughter", "she"), ("my mother", "she"), ("my best friend", "he"), ("Mei", "she"), ("my father", "he"), ("Jonas", "he"),
)  # fmt: skip
SPEAKERS = ("ana", "ben", "carla", "dmitri", "eve", "farid", "user", "assistant", "gus", "hana")
QUESTIONS = (
    "Is it true that {A}?", "Do you think {A}?", "Did I ever tell you that {A}?", "Would it matter if {A}?", "Who says that {A}?",
    "{B}, or is that wrong?", "Remind me: {B}?", "Have you heard whether {A}?", "Should I write down that {A}?", "{B}?",
)  # fmt: skip
MOODS = (
    "If {A}, everything would be different.", "Suppose {A}.", "Imagine that {A}!", "Let's pretend that {A}.", "What if {A}?",
    "I wish {A}.", "I dreamt that {A}.", "In my dream {A}.", "It would be nice if {A}.", "Perhaps one day: {B}.",
    "My cousin says that {A}.", "In the play the old man says: \"{B}.\"", "The leaflet claims that {A}.", "People say that {A}.",
    "There's a rumour that {A}.", "According to the gossip {A}.", "He joked that {A}.", "The song goes \"{B}\".",
    "Sure, and {A}, haha.", "{B}, just kidding.", "Yeah right, {A}.", "{B}, said nobody ever.", "As if {A}!", "{B} lol, as if",
    "My character in the game: {B}.", "Some website thinks that {A}.", "Kim asked me if {A}.", "The form wrongly says that {A}.",
    "Had things gone otherwise, maybe {A}.", "Everyone believes that {A}, but they confuse me with someone.",
)  # fmt: skip
EARLIER = (
    "As a child {A}.", "Years ago {A}.", "Back in the nineties {A}.", "Before all this {A}.", "When I was at school {A}.",
    "Long ago {A}.", "In those days {A}.", "{B} once, a long time ago.", "For a while, back in 2009, {A}.", "Until 2012 {A}.",
)  # fmt: skip
TAKEN_BACK = (
    "Correction: {A}.", "Actually, {A}.", "Sorry, I got that wrong: {A}.", "I misspoke, {A}.", "Scratch that, {A}.", "Wait, no: {A}.",
    "My mistake, {A}.", "I mixed that up. {B}.", "No, I meant to say that {A}.", "I was wrong earlier, {A}.", "Oops, {A}.",
    "Let me correct myself: {A}.", "I just checked, {A} after all.",
)  # fmt: skip
CHANGED = (
    "{B} now.", "These days {A}.", "Since last week {A}.", "From today on {A}.", "{B} by now, that's new.", "As of this month {A}.",
    "Big change: {A} now.", "Things have changed: {A}.", "{B} now, it took a while.", "It's official, {A} now.",
)  # fmt: skip
FIRM = (
    "{B}.", "{B}.", "{B}.", "{B}.", "{B}, as ever.", "{B}, and that was never different.", "{B}, no doubt about it.", "{B}, always.",
    "I can tell you that {A}.", "{B}, in case you wonder.", "As I told Kim, {A}.", "{B}, everybody knows that.",
)  # fmt: skip
PLAIN = (
    "{B}.", "{B}.", "{B}.", "{B}.", "{B}.", "{B}.", "{B}.", "{B}.", "{B}.", "{B}.", "{A}", "{B}!", "Well, {A}.", "By the way, {A}.",
    "btw {A}", "Honestly, {A}.", "You know, {A}.", "It's like this: {A}.", "Guess what, {A}.", "{B}, I think.",
)  # fmt: skip
LURES = (
    "{S} moved the sofa to the other wall", "{S} switched off the light", "{S} changed {his} shoes", "{S} finally cleaned the oven",
    "{S} no longer watch{es} the news", "{S} gave up on the crossword", "the shop on the corner changed hands",
    "they moved the bins behind the shed", "it isn't raining any more", "the old cinema was sold", "{S} lost a sock",
    "nobody remembered the password of the router", "{S} didn't finish the soup", "{S} never got an answer from the bank",
    "there were no seats left on the train", "we've cancelled the magazine", "the train was replaced by a bus",
)  # fmt: skip
FILLERS = (
    "The stairwell was swept this morning", "I found an old ticket in a book", "The ducks came right up to the bench",
    "My pen ran dry in the middle of a word", "The window cleaner whistles", "We ate plums straight from the tree",
    "The evening light on the hills was pink", "There's a dent in the kettle", "The twins next door built a snowman",
    "I read the manual twice", "The tram driver waved", "She plays the harp at weddings", "The radish seeds came up",
    "My screen has one dead pixel", "Someone left a glove on the fence", "The new map app shows benches",
    "The dough needs two hours to rise", "A parcel for number nine came to us", "The frogs are loud at night",
    "I like the smell of old books", "The vet was very calm", "The ladder wobbles", "The intern fixed a typo in the docs",
    "The choir sang in the rain", "The marmalade is bitter", "He keeps his coins in a jar", "The fair is in town",
)  # fmt: skip


@dataclass(slots=True)
class Pair:
    """Two statements and what they are to each other."""

    old: str
    new: str
    label: int
    speakers: tuple[str, str] = ("user", "user")
    gap: timedelta = timedelta(days=20)


@dataclass(slots=True)
class Frame:
    """How one sort of fact is said."""

    name: str
    of: list[str]
    values: list[str]
    forms: dict[str, list[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Subject:
    """Who or what: the words for it."""

    name: str
    he: str

    @property
    def first(self) -> bool:
        return self.name == "I"


def frames() -> list[Frame]:
    """The frames of frames.txt."""
    found: list[Frame] = []
    for line in (HERE / "frames.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("="):
            found.append(Frame(line[1:].strip(), [], []))
        elif line and not line.startswith("#"):
            key, _, rest = line.partition(": ")
            parts = [part.strip() for part in rest.split(" | ")]
            if key == "of":
                found[-1].of = [part.strip() for part in rest.split(",")]
            elif key == "v":
                found[-1].values = [part.strip() for part in rest.split(",")]
            elif key in ("unit", "verbs"):
                found[-1].forms[key] = [part.strip() for part in rest.split(",")]
            else:
                found[-1].forms[key] = parts
    return found


class Maker:
    """Makes pairs of a frame."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.frames = frames()

    def pair(self) -> Pair:
        """One pair of any sort."""
        while True:
            frame = self.random.choice(self.frames)
            sorts = self.random.choices(
                (self.clash, self.denial, self.change, self.taken_back, self.ending, self.began, self.same, self.other_one,
                 self.other_voice, self.mood, self.mood_before, self.other_time, self.near, self.stranger, self.voiced_clash,
                 self.went_back, self.plan, self.elliptic, self.bystander),
                (17, 13, 14, 7, 11, 5, 5, 11, 5, 14, 3, 7, 6, 12, 2, 2, 3, 4, 18),
            )  # fmt: skip
            pair = sorts[0](frame)
            if pair is not None:
                return self.noised(pair)

    # What makes a conflict.

    def clash(self, frame: Frame) -> Pair | None:
        """Two values, or what rules the other out."""
        who, forms = self.subject(frame), frame.forms
        if "clash" in forms:
            value = self.random.choice(frame.values)
            sides = [self.say(frame, who, value), self.fill(self.random.choice(forms["clash"]), who, value, "")]
            self.random.shuffle(sides)
            return Pair(self.plain(sides[0]), self.firm(sides[1]), CONTRADICTION, gap=self.long())
        if {"many", "request", "quant"} & set(forms) or len(frame.values) < 2:
            return self.denial(frame)
        early, late = self.two(frame)
        return Pair(
            self.plain(self.say(frame, who, early)), self.firm(self.say(frame, who, late)), CONTRADICTION, gap=self.any_gap()
        )

    def denial(self, frame: Frame) -> Pair | None:
        """Said and denied, in either order."""
        if "no" not in frame.forms or "say" not in frame.forms:
            return None
        who, value = self.subject(frame), self.value(frame)
        verb = self.random.choice(frame.forms.get("verbs", [""]))
        sides = [self.form(frame, "say", who, value, verb), self.form(frame, "no", who, value, verb)]
        self.random.shuffle(sides)
        return Pair(self.plain(sides[0]), self.firm(sides[1]), CONTRADICTION, gap=self.any_gap())

    def change(self, frame: Frame) -> Pair | None:
        """Another value, with a sign of change."""
        if {"many", "quant"} & set(frame.forms) or len(frame.values) < 2:
            return self.began(frame)
        who = self.subject(frame)
        early, late = self.two(frame)
        if "to" in frame.forms and self.random.random() < 0.8:
            new = self.plain(self.fill(self.random.choice(frame.forms["to"]), who, late, early))
        elif frame.name in ("birthplace", "birthday", "only child", "height", "year", "material"):
            return self.taken_back(frame)
        else:
            new = self.wrap(self.random.choice(CHANGED), self.say(frame, who, late))
        return Pair(self.plain(self.say(frame, who, early)), new, UPDATE, gap=self.long())

    def taken_back(self, frame: Frame) -> Pair | None:
        """The speaker said it wrong."""
        who = self.subject(frame)
        if "request" in frame.forms:
            return self.change(frame)
        value = self.value(frame)
        if "many" in frame.forms or "quant" in frame.forms or len(frame.values) < 2:
            if "no" not in frame.forms:
                return None
            verb = self.random.choice(frame.forms.get("verbs", [""]))
            sides = [self.form(frame, "say", who, value, verb), self.form(frame, "no", who, value, verb)]
            self.random.shuffle(sides)
            old, new = sides
        else:
            early, late = self.two(frame)
            old, new = self.say(frame, who, early), self.say(frame, who, late)
        return Pair(self.plain(old), self.wrap(self.random.choice(TAKEN_BACK), new), UPDATE, gap=self.any_gap())

    def ending(self, frame: Frame) -> Pair | None:
        """It was so, and is over."""
        if "end" not in frame.forms:
            return None
        who, value = self.subject(frame), self.value(frame)
        new = self.plain(self.fill(self.random.choice(frame.forms["end"]), who, value, value))
        return Pair(self.plain(self.say(frame, who, value)), new, UPDATE, gap=self.long())

    def began(self, frame: Frame) -> Pair | None:
        """It was not so, and now is."""
        if "to" not in frame.forms or "no" not in frame.forms:
            return None
        who, value = self.subject(frame), self.value(frame)
        new = self.fill(self.random.choice(frame.forms["to"]), who, value, "the old one")
        old = self.form(frame, "no", who, value, "")
        return None if "never" in old else Pair(self.plain(old), self.plain(new), UPDATE, gap=self.long())

    def went_back(self, frame: Frame) -> Pair | None:
        """After a change was told, the old value is claimed again as if nothing had happened."""
        if "to" not in frame.forms or "many" in frame.forms or len(frame.values) < 2 or "request" in frame.forms:
            return None
        who = self.subject(frame)
        early, late = self.two(frame)
        old = self.fill(self.random.choice(frame.forms["to"]), who, late, early)
        return Pair(self.plain(old), self.firm(self.say(frame, who, early)), CONTRADICTION, gap=self.long())

    def voiced_clash(self, frame: Frame) -> Pair | None:
        """One is spoken of, and says otherwise."""
        if frame.of != ["person"] or "no" not in frame.forms:
            return None
        one, other = self.random.sample(SPEAKERS[:6], 2)
        value = self.value(frame)
        old = self.say(frame, Subject(other.capitalize(), self.random.choice(("he", "she"))), value)
        new = self.form(frame, "no", Subject("I", "I"), value, "")
        return Pair(self.plain(old), self.firm(new), CONTRADICTION, (one, other), self.any_gap())

    def elliptic(self, frame: Frame) -> Pair | None:
        """A few words that lean on what was just said."""
        who, value = self.subject(frame), self.value(frame)
        old = self.plain(self.say(frame, who, value))
        if self.random.random() < 0.4:
            words = (
                "No.",
                "That's not true.",
                "No, not at all.",
                "That is wrong.",
                "Nonsense, it isn't so.",
                "Not true at all.",
            )
            return Pair(old, self.random.choice(words), CONTRADICTION, gap=self.short())
        if "many" in frame.forms or len(frame.values) < 2 or "quant" in frame.forms:
            return None
        early, late = self.two(frame)
        openings = (
            "Actually {v}",
            "No, {v}",
            "Sorry, {v}",
            "Scratch that, {v}",
            "Make that {v}",
            "I mean {v}",
            "{v}, sorry",
            "{v} instead",
        )
        new = self.random.choice(openings).replace("{v}", late)
        return Pair(self.plain(self.say(frame, who, early)), f"{new}.", UPDATE, gap=self.short())

    # What is none.

    def same(self, frame: Frame) -> Pair | None:
        """The same again in other words; or what follows from it."""
        who, value = self.subject(frame), self.value(frame)
        form = "no" if "no" in frame.forms and self.random.random() < 0.3 else "say"
        verb = self.random.choice(frame.forms.get("verbs", [""]))
        old, new = (self.form(frame, form, who, value, verb) for _ in range(2))
        if "wide" in frame.forms and self.random.random() < 0.4:
            new = self.fill(self.random.choice(frame.forms["wide"]), who, value, "")
        elif {"to", "end"} & set(frame.forms) and self.random.random() < 0.4:
            start, then = ("to", "say") if "to" in frame.forms and "many" not in frame.forms else ("end", "no")
            if start in frame.forms and then in frame.forms:
                old = self.fill(self.random.choice(frame.forms[start]), who, value, "the other one")
                new = self.form(frame, then, who, value, verb)
                if "never" in new:
                    return None
        elif not {"many", "quant", "request", "opposites"} & set(frame.forms) and len(frame.values) > 2 and "no" in frame.forms:
            early, late = self.two(frame)
            old, new = self.say(frame, who, early), self.form(frame, "no", who, late, verb)
        elif "many" in frame.forms and frame.name != "open days":
            early, late = self.two(frame)
            old, new = self.form(frame, form, who, early, verb), self.form(frame, form, who, late, verb)
        return Pair(self.plain(old), self.plain(new), COMPATIBLE, gap=self.any_gap())

    def other_one(self, frame: Frame) -> Pair | None:
        """Somebody or something else."""
        one, other = self.subject(frame), self.subject(frame)
        if one.name == other.name or "request" in frame.forms:
            return None
        early, late = self.two(frame) if len(frame.values) > 1 else (frame.values[0],) * 2
        verb = self.random.choice(frame.forms.get("verbs", [""]))
        forms = [key for key in ("say", "say", "no", "to", "end", "clash") if key in frame.forms]
        old = self.form(frame, self.random.choice(forms), one, early, verb)
        new = self.form(frame, self.random.choice(forms), other, self.random.choice((early, late)), verb)
        return Pair(self.plain(old), self.plain(new), COMPATIBLE, gap=self.any_gap())

    def other_voice(self, frame: Frame) -> Pair | None:
        """Each says "I" and means himself."""
        mine = [name for name in frame.of if name.startswith("person")]
        if not mine or "request" in frame.forms:
            return None
        voices = tuple(self.random.sample(SPEAKERS, 2))
        what = self.random.choice(mine)
        who = Subject("I", "I") if what == "person" else Subject("my" + what.removeprefix("person's").join(("", "")), "it")
        early, late = self.two(frame) if len(frame.values) > 1 else (frame.values[0],) * 2
        forms = [key for key in ("say", "say", "no", "to", "end", "clash") if key in frame.forms]
        old = self.form(frame, self.random.choice(forms), who, early, "")
        new = self.form(frame, self.random.choice(forms), who, late, "")
        return Pair(self.plain(old), self.plain(new), COMPATIBLE, (voices[0], voices[1]), self.any_gap())

    def mood(self, frame: Frame) -> Pair | None:
        """What would be at odds, were it asserted."""
        who, value = self.subject(frame), self.value(frame)
        if "request" in frame.forms:
            return None
        verb = self.random.choice(frame.forms.get("verbs", [""]))
        other = self.two(frame)[1] if len(frame.values) > 1 and not {"many", "quant"} & set(frame.forms) else value
        forms = [key for key in ("no", "end", "clash") if key in frame.forms]
        if other != value:
            forms += ["say", "to"]
        if not forms:
            return None
        form = self.random.choice([key for key in forms if key in frame.forms])
        said = self.form(frame, form, who, other if form in ("say", "to") else value, verb)
        wrap = self.random.choice(QUESTIONS if self.random.random() < 0.35 else MOODS)
        return Pair(
            self.plain(self.form(frame, "say", who, value, verb)), self.wrap(wrap, said), COMPATIBLE, gap=self.any_gap()
        )

    def mood_before(self, frame: Frame) -> Pair | None:
        """The earlier one asserted nothing."""
        if "no" not in frame.forms:
            return None
        who, value = self.subject(frame), self.value(frame)
        verb = self.random.choice(frame.forms.get("verbs", [""]))
        sides = [self.form(frame, "say", who, value, verb), self.form(frame, "no", who, value, verb)]
        self.random.shuffle(sides)
        return Pair(
            self.wrap(self.random.choice(QUESTIONS + MOODS), sides[0]), self.plain(sides[1]), COMPATIBLE, gap=self.any_gap()
        )

    def other_time(self, frame: Frame) -> Pair | None:
        """Then and now; a habit and one day."""
        who = self.subject(frame)
        early, late = self.two(frame) if len(frame.values) > 1 else (frame.values[0],) * 2
        if "once" in frame.forms and self.random.random() < 0.5:
            old, new = self.say(frame, who, early), self.fill(self.random.choice(frame.forms["once"]), who, late, "")
            if "{v}" not in "".join(frame.forms["once"]) or "many" in frame.forms:
                new = self.fill(self.random.choice(frame.forms["once"]), who, early, "")
            return Pair(self.plain(old), self.plain(new), COMPATIBLE, gap=self.long())
        key = next(
            (key for key in ("wasno", "was") if key in frame.forms and (key == "was" or self.random.random() < 0.5)), None
        )
        if key is None:
            return None
        value = early if key == "wasno" or "many" not in frame.forms else late
        then = self.wrap(self.random.choice(EARLIER), self.fill(self.random.choice(frame.forms[key]), who, value, ""))
        present = self.say(frame, who, late if key == "was" and "many" not in frame.forms else early)
        if key == "was" and "no" in frame.forms and self.random.random() < 0.4:
            present = self.form(frame, "no", who, value, "")
            if "never" in present:
                return None
        sides = [then, self.plain(present)]
        if self.random.random() < 0.35:
            sides.reverse()
        return Pair(sides[0], sides[1], COMPATIBLE, gap=self.long())

    def plan(self, frame: Frame) -> Pair | None:
        """What is not, and may be; what was planned, and is done."""
        if "plan" not in frame.forms or "no" not in frame.forms:
            return None
        who, value = self.subject(frame), self.value(frame)
        planned = self.fill(self.random.choice(frame.forms["plan"]), who, value, "")
        if self.random.random() < 0.5:
            old = self.form(frame, "no", who, value, "")
            return None if "never" in old else Pair(self.plain(old), self.plain(planned), COMPATIBLE, gap=self.long())
        form = "to" if "to" in frame.forms else "say"
        new = self.fill(self.random.choice(frame.forms[form]), who, value, "the old one")
        return Pair(self.plain(planned), self.plain(new), COMPATIBLE, gap=self.long())

    def near(self, frame: Frame) -> Pair | None:
        """The topic again, or one of its words."""
        if "near" not in frame.forms:
            return None
        who, value = self.subject(frame), self.value(frame)
        told = self.random.choice(frame.forms["near"])
        label = COMPATIBLE if "{S}" in told or "{his}" in told else UNRELATED
        form = "no" if "no" in frame.forms and self.random.random() < 0.3 else "say"
        old = self.form(frame, form, who, value, self.random.choice(frame.forms.get("verbs", [""])))
        sides = [self.plain(old), self.plain(self.fill(told, who, value, ""))]
        if self.random.random() < 0.3:
            sides.reverse()
        return Pair(sides[0], sides[1], label, gap=self.any_gap())

    def bystander(self, frame: Frame) -> Pair | None:
        """Something at odds with another statement, beside one that merely shares a word or the subject with it."""
        who, value = self.subject(frame), self.value(frame)
        keys = [key for key in ("to", "end", "no", "say") if key in frame.forms]
        verb = self.random.choice(frame.forms.get("verbs", [""]))
        key = self.random.choice(keys)
        new = self.form(frame, key, who, value, verb)
        wrap = self.random.choice(TAKEN_BACK if self.random.random() < 0.2 else PLAIN + CHANGED[:4])
        others = [other for other in self.frames if other.name != frame.name and set(other.of) & set(frame.of)]
        if others and self.random.random() < 0.55:
            other = self.random.choice(others)
            old = self.say(other, who, self.value(other))
            label = UNRELATED if who.first else COMPATIBLE
        elif "near" in frame.forms:
            told = self.random.choice(frame.forms["near"])
            old = self.fill(told, who, value, "")
            label = COMPATIBLE if "{S}" in told or "{his}" in told else UNRELATED
        else:
            return None
        return Pair(self.plain(old), self.wrap(wrap, new), label, gap=self.any_gap())

    def stranger(self, frame: Frame) -> Pair | None:
        """Another topic."""
        who, value = self.subject(frame), self.value(frame)
        old = self.say(frame, who, value)
        chance = self.random.random()
        if chance < 0.45:
            other = self.random.choice(self.frames)
            if other.name == frame.name:
                return None
            keys = [key for key in ("say", "no", "to", "end") if key in other.forms]
            new = self.form(other, self.random.choice(keys), self.subject(other), self.value(other), "were late")
        elif chance < 0.7:
            new = self.fill(self.random.choice(LURES), who, value, "")
        else:
            new = self.random.choice(FILLERS)
        sides = [self.plain(old), self.plain(new)]
        if self.random.random() < 0.4:
            sides.reverse()
        return Pair(sides[0], sides[1], UNRELATED, gap=self.any_gap())

    # Words.

    def subject(self, frame: Frame) -> Subject:
        """Somebody, or one of the things that the frame is about."""
        of = self.random.choice(frame.of)
        name, he = self.random.choice(PEOPLE)
        if of == "person":
            return Subject("I", "I") if self.random.random() < 0.55 else Subject(name, he)
        if of.startswith("person's "):
            return Subject(("my" if self.random.random() < 0.6 else f"{name}'s") + of.removeprefix("person's"), "it")
        return Subject(of, "it")

    def value(self, frame: Frame) -> str:
        """One value; of opposites one side."""
        value = self.random.choice(frame.values)
        return self.random.choice(value.split("/")) if "opposites" in frame.forms else value

    def two(self, frame: Frame) -> tuple[str, str]:
        """Two values that exclude each other where the frame is exclusive."""
        if "opposites" in frame.forms:
            one, other = self.random.choice(frame.values).split("/")
            return (one, other) if self.random.random() < 0.5 else (other, one)
        one, other = self.random.sample(frame.values, 2)
        return one, other

    def say(self, frame: Frame, who: Subject, value: str) -> str:
        """Asserted."""
        return self.form(frame, "say", who, value, self.random.choice(frame.forms.get("verbs", [""])))

    def form(self, frame: Frame, key: str, who: Subject, value: str, verb: str) -> str:
        """Said in one of the ways of `key`."""
        unit = frame.forms.get("unit")
        text = self.random.choice(frame.forms[key])
        if unit:
            number = sum(map(ord, who.name)) % len(unit)
            text = text.replace("{n}", unit[number])
        return self.fill(text.replace("{x}", verb), who, value, "the old one")

    def fill(self, text: str, who: Subject, value: str, before: str) -> str:
        """The template with its words, without capital and full stop."""
        first = who.first
        his = {"I": "my", "he": "his", "she": "her", "it": "its"}[who.he]
        him = {"I": "me", "he": "him", "she": "her", "it": "it"}[who.he]
        if not first and "{S}" not in text:
            owner = who.name + ("'" if who.name.endswith("s") else "'s")
            text = re.sub(r"^\{his\}", owner, text) if self.random.random() < 0.8 else text
            text = re.sub(r"^\{he\}", who.name, text) if self.random.random() < 0.7 else text
        plural = bool(re.match(r"(the|our) (guests|students|windows|staff|trees|players|shops|curtains)$", who.name))
        base = first or plural
        if "{n}" in text:
            text = text.replace("{n}", "people")
        words = {
            "{v}": value.replace("{his}", his), "{u}": before or "the old one", "{S}": who.name, "{he}": who.he, "{his}": his, "{him}": him,
            "{s}": "" if base else "s", "{es}": "" if base else "es",
            "{am}": "am" if first else "are" if plural else "is", "{have}": "have" if base else "has",
            "{do}n't": "don't" if base else "doesn't", "{do}": "do" if base else "does", "{was}": "was",
            "{have}n't": "haven't" if base else "hasn't",
        }  # fmt: skip
        for key in ("{do}n't", "{have}n't", *words):
            text = text.replace(key, words[key])
        text = re.sub(r"\b(\w+[^aeiou\s])ys\b", r"\1ies", text) if "studys" in text else text
        return text.replace(" I am ", " I'm ") if self.random.random() < 0.4 else text

    def wrap(self, frame: str, said: str) -> str:
        """The words of a mood around a statement."""
        said = said.rstrip(".?!")
        return capital(frame.replace("{A}", said).replace("{B}", capital(said)))

    def plain(self, said: str) -> str:
        """Said as people do."""
        if said[-1:] in ".?!":
            return capital(said)
        return self.wrap(self.random.choice(PLAIN), said)

    def firm(self, said: str) -> str:
        """Said without any sign of change."""
        return self.wrap(self.random.choice(FIRM), said)

    def noised(self, pair: Pair) -> Pair:
        """Small letters and missing stops, as in a chat."""
        if pair.speakers == ("user", "user") and self.random.random() < 0.1:
            name = self.random.choice(SPEAKERS)
            pair.speakers = (name, name)
        for side in ("old", "new"):
            text = getattr(pair, side)
            if self.random.random() < 0.12:
                text = text.lower().rstrip(".")
            elif self.random.random() < 0.08:
                text = text.replace("'", "")
            setattr(pair, side, text)
        return pair

    def any_gap(self) -> timedelta:
        """Minutes to months."""
        return self.random.choice((self.short, self.long, self.long))()

    def short(self) -> timedelta:
        """Minutes to hours."""
        return timedelta(minutes=self.random.choice((1, 3, 10, 25, 60, 200, 500)))

    def long(self) -> timedelta:
        """A day to half a year."""
        return timedelta(days=self.random.choice((1, 2, 5, 9, 20, 40, 90, 180)))


def made(count: int, seed: int) -> list[Pair]:
    """So many pairs of all frames."""
    maker = Maker(seed)
    return [maker.pair() for _ in range(count)]


def written(seed: int, times: int) -> list[Pair]:
    """The pairs of written.txt, each so often with other noise; and their sentences shuffled into unrelated pairs."""
    maker = Maker(seed)
    rows: list[tuple[str, str, int, timedelta]] = []
    for line in (HERE / "written.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        letter, old, new, gap = (part.strip() for part in line.split(" | "))
        label = "CUKN".index(letter)
        unit = {"m": "minutes", "h": "hours", "d": "days"}[gap[-1]]
        rows.append((old, new, label, timedelta(**{unit: int(gap[:-1])})))
    found = []
    for _ in range(times):
        for old, new, label, gap in rows:
            found.append(maker.noised(Pair(old, new, label, gap=gap)))
            if label == CONTRADICTION and maker.random.random() < 0.3:
                found.append(maker.noised(Pair(new, old, label, gap=gap)))
            if maker.random.random() < 0.4:
                other = maker.random.choice(rows)
                if other[0] != old:
                    found.append(maker.noised(Pair(old, maker.random.choice(other[:2]), UNRELATED, gap=maker.any_gap())))
            if label < COMPATIBLE and maker.random.random() < 0.25:
                wrap = maker.random.choice(QUESTIONS + MOODS)
                said = new[0].lower() + new[1:] if not new.startswith("I") else new
                found.append(maker.noised(Pair(old, maker.wrap(wrap, said), COMPATIBLE, gap=gap)))
    return found


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]
