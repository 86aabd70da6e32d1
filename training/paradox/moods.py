"""Words around a statement: what makes of it a question, a dream, a correction, a change; and small talk beside it. Phrases only.

{A} is the statement within a sentence, {B} with a capital; LURES are frames of their own ({S}, {his}: see wording.py).
"""

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
