"""Makes training pairs of frames: for each sort of relation two statements that stand so. Seeded; needs no data.

Half of the sorts are conflicts, half look like one and are none: somebody else, another time, a mood, a plan.
"""

from __future__ import annotations

from training.paradox.moods import CHANGED, EARLIER, FILLERS, LURES, MOODS, PLAIN, QUESTIONS, TAKEN_BACK
from training.paradox.pair import COMPATIBLE, CONTRADICTION, SPEAKERS, UNRELATED, UPDATE, Pair
from training.paradox.wording import Frame, Subject, Wording

__all__ = ["made"]


def made(count: int, seed: int) -> list[Pair]:
    """So many pairs of all frames."""
    maker = Maker(seed)
    return [maker.pair() for _ in range(count)]


class Maker(Wording):
    """Makes pairs of a frame."""

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
