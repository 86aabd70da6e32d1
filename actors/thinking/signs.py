"""Signs: the rules that intent.py scores with. Data alone: (intent, weight, regular expressions).

Each reads one sentence in lower case. A weight is how far one match speaks for its intent: 0.7 settles it where nothing else is
seen, 0.3 leans. They were written against the tuning half of tests/thinking/intents.jsonl; the held-out half only measures
them. An expression may run over several lines: they are joined without the space at their ends.
"""

from __future__ import annotations

import re

__all__ = ["RULES"]

SIGNS: tuple[tuple[str, float, tuple[str, ...]], ...] = (
    (
        "information_seeking",
        0.6,
        (
            r"(?:^|[,:] |and |also )(?:who|when|where|which)\b(?! (?:gave you|do you think you))",
            r"""
            \bhow (?:many|much|tall|far|old|long|big|deep|often|high|fast|heavy|expensive|hot|cold|does|did|are
            |is)\b(?! it going)
            """,
            r"""
            \b(?:tell me (?:about|more|how|what|when|where|who)|know more about|do you (?:know|remember)|any idea (?:when
            |where|who))\b
            """,
        ),
    ),
    (
        "information_seeking",
        0.5,
        (
            r"""
            (?:^|[,:] |and )what(?:ever
            |'s| is| are| was| were| did| does| do| time| year
            | kind| sort| type| percentage| happened)\b(?! you think| up\b| the point of you)
            """,
            r"""
            \b(?:explain|define|summari[sz]e|summary of|list (?:the|all)|look up|difference between|definition of
            |overview of)\b
            """,
            r"""
            \b(?:facts about|remind me|translate|meaning of the word|background (?:on|to)|(?:phone|house) number
            |address of)\b
            """,
            r"""
            ^(?:please )?(?:name|state|give me) the (?:\w+ ){1,3}of\b|\b(?:recommend|suggest) (?:a|me a
            |some) (?:good )?(?:book|film|movie)
            """,
        ),
    ),
    (
        "information_seeking",
        0.3,
        (r"^(?:why|is|are|was|were|does|did|do|has|have|can|will) (?!(?:it|i|we|my|you|this|that)\b)\w+.*\?",),
    ),
    (
        "emotional_support",
        0.7,
        (
            r"""
            \b(?:i'm|i am|i (?:\w+ )?feel|i felt|feeling|we're|i was|i've (?:been|felt)|makes me
            |i get) (?:\w+ ){0,3}(?:alone|lonely|anxious|sad|low|empty|exhausted|scared|afraid|terrified|overwhelmed|guilty
            |ashamed|heartbroken|stressed|depressed|devastated|hopeless|worthless|grieving|hurting|worried|furious|angry
            |down|lost|terrible|awful|sick with|nervous|frightened|miserable|upset|burnt out|burned out|disappointed|numb
            |about to cry|jealous|unhappy|humiliated|betrayed|rejected|desperate|tired of|drained|unloved|in tears
            |falling apart|struggling|homesick|shaken|broken|a burden|panicking|trapped|invisible|useless|a failure
            |stuck in my head|on edge|insecure|bitter|distraught|unwanted|helpless)\b
            """,
        ),
    ),
    (
        "emotional_support",
        0.6,
        (
            r"""
            \b(?:panic attack|passed away|broke up|breakup|grief|griev\w+|it hurts|hurts so|i cried|crying|in tears
            |into tears|dread\w*)\b
            """,
            r"""
            \b(?:died|is dying)\b.*\b(?:i|me|my)\b|\bmy \w+ (?:just )?(?:died|left me)\b|\b(?:cheated on me|left me
            |miscarriage|divorce)\b
            """,
            r"""
            \b(?:too much right now|can't (?:keep going|cope|sleep|eat|take (?:it|this)|get over|stop (?:thinking|crying))
            |without (?:him|her))\b
            """,
            r"""
            \b(?:someone to (?:listen|talk to)|stay with me|rough (?:night|day|week)|hard (?:week|day|time)|i miss (?:her
            |him|my|them))\b
            """,
            r"""
            \bnobody (?:\w+ ){0,3}(?:talks|cares|notices?|likes|would|understands)\b|\b(?:tearing|eating|killing
            |crushing) me\b
            """,
            r"""
            \b(?:nightmares?|diagnosed with|heart is broken|hate myself|losing (?:her|him|them)|stopped (?:speaking
            |talking) to me)\b
            """,
            r"""
            \b(?:don't (?:know who i am|want to (?:live|be here|get up))|i (?:just )?can't any ?more|no one (?:cares
            |understands))\b
            """,
            r"""
            \b(?:first|another) \w+ without (?:\w+ )?(?:mum|mom|dad|him|her|my)\b|\b(?:keep|always) (?:worrying
            |thinking about what)\b
            """,
        ),
    ),
    (
        "emotional_support",
        0.4,
        (r"\bi (?:lost|failed|hate it|hate my|worry|fear)\b",),
    ),
    (
        "problem_solving",
        0.7,
        (
            r"""
            \b(?:how (?:can|do|could|should|to)\b(?: (?:i|we|one))?|what (?:should|can|could|else can) (?:i|we) (?:check|do
            |try))\b(?! (?:think|you|feel|know|live|we think))
            """,
            r"""
            \b(?:what steps|what now|steps to|(?:best|cheapest|easiest|quickest|fastest|simplest) way (?:to|of)|my options
            |way around)\b
            """,
        ),
    ),
    (
        "problem_solving",
        0.6,
        (
            r"""
            \b(?:fix|debug|troubleshoot|solve|optimi[sz]e|repair|refactor|diagnose|resolve|calculate|convert|speed up
            |get rid of|set up)\b
            """,
            r"\b(?:configure|install|improve|work out|implement|reduce|automate|migrate|schedule|convince)\b",
            r"^(?:please )?(?:sort|parse|compute|split|merge|plan|debug|find the)\b",
            r"""
            \b(?:crash(?:es|ed|ing)?|errors?|exceptions?|fails?|failing|failed to|broken|broke down|won't|doesn't (?:work
            |turn|start|open|load|fit)|isn't working|stopped working|not (?:working|charging|loading|responding|connecting
            |showing)|exits with|offline|stuck|drops|locked (?:myself )?out|duplicates|leak(?:s|ing)?|traceback|segfault
            |bugs?|stalls?|freez(?:es|ing)|overheat\w*|hangs|slow(?:er)?|noises?|rattl\w+|squeak\w+|ran out of
            |out of (?:memory|disk|space)|instead of|comes out|clogged|mould|rust(?:y|s)|stain\w*|keeps? (?:on )?(?:slipping
            |dropping|missing|falling|failing|freezing|breaking|dying|burning|coming|turning|losing|disconnecting)
            |timed? out|corrupt\w*|every time|yellow leaves|wilt\w*)\b
            """,
            r"""
            \b(?:help me (?:weigh|decide|plan|choose|figure|organi[sz]e|budget)|i need (?:a plan|to fit|to find|to get)
            |we need (?:a|to))\b
            """,
            r"""
            \b(?:can't (?:decide|connect|log in|open|get it to|figure out|find out)|a (?:plan|strategy|schedule) (?:to
            |for))\b|\bany ideas\?
            """,
        ),
    ),
    (
        "creative_collaboration",
        0.8,
        (
            r"""
            \b(?:write|compose|draft|invent|make up|create|design|(?:come|dream|cook) up|continue|draw|rewrite|imagine
            |paint me|turn|think of|help me|give|find|suggest|improvise|sing|make|tell)\b.*\b(?:poems?|stor(?:y|ies)|tales?
            |songs?|lyrics|verses?|haikus?|limericks?|novels?|scenes?|plots?|characters?|toasts?|slogans?|names?|comics?
            |screenplays?|games?|holidays?|rituals?|speech|sonnets?|picture|villains?|dialogues?|endings?|worlds?|jokes?
            |riddles?|rhymes?|podcast|titles?|ballads?|fables?|fairy ?tales?|sketch|script|monologue|memoir|detective
            |heroine?|narrator|wizard|creature|mural|logo|tagline|melody|chapter|short film|musical|parody|nursery
            |letter from)\b
            """,
        ),
    ),
    (
        "creative_collaboration",
        0.6,
        (
            r"""
            \b(?:brainstorm|let's (?:write|invent|make|imagine|create|design|improvise|play|pretend)|pretend (?:you are
            |you're|to be))\b
            """,
            r"""
            \b(?:imagine|suppose|picture) (?:a|an|that|if|we|\w+ (?:ruled|lived|could))\b|\b(?:world ?building|plot twist
            |bedtime story)\b
            """,
            r"""
            \b(?:come up with|dream up|make up a|role ?play|in the style of|as if (?:you were|told by))\b|\byou (?:be
            |play) the\b
            """,
            r"""
            ^(?:a|an|one|another) (?:\w+ )?(?:poems?|stor(?:y|ies)|tales?|songs?|lyrics|verses?|haikus?|limericks?|novels?
            |scenes?|plots?|characters?|toasts?|slogans?|names?|comics?|screenplays?|games?|holidays?|rituals?|speech
            |sonnets?|picture|villains?|dialogues?|endings?|worlds?|jokes?|riddles?|rhymes?|podcast|titles?|ballads?|fables?
            |fairy ?tales?|sketch|script|monologue|memoir|detective|heroine?|narrator|wizard|creature|mural|logo|tagline
            |melody|chapter|short film|musical|parody|nursery|letter from) (?:about|on|for|in)\b
            """,
            r"\b(?:our|my) (?:\w+ )?(?:novel|screenplay|fantasy|mystery|comic|campaign|story|protagonist|villain)\b",
            r"""
            \b(?:a|an) (?:\w+ )?(?:poem|story|song|haiku|sonnet|podcast|poems?|stor(?:y|ies)|tales?|songs?|lyrics|verses?
            |haikus?|limericks?|novels?|scenes?|plots?|characters?|toasts?|slogans?|names?|comics?|screenplays?|games?
            |holidays?|rituals?|speech|sonnets?|picture|villains?|dialogues?|endings?|worlds?|jokes?|riddles?|rhymes?
            |podcast|titles?|ballads?|fables?|fairy ?tales?|sketch|script|monologue|memoir|detective|heroine?|narrator
            |wizard|creature|mural|logo|tagline|melody|chapter|short film|musical|parody|nursery|letter from) (?:about|on
            |with)\b|\ba name for\b
            """,
        ),
    ),
    (
        "social_interaction",
        0.7,
        (
            r"""
            ^(?:hi|hiya|hello|hey|(?:good )?(?:morning|evening|afternoon)|good (?:night|day)|howdy|greetings|yo|bye|goodbye
            |see you|thanks|thank you|cheers|congrats|congratulations|haha\w*|lol|happy (?:new year|birthday|easter
            |holidays)|merry|long time|nice to|welcome|ok|okay|sure|great|much appreciated|have a|take care|sweet dreams
            |enjoy|wow|cool|yay|sup)\b
            """,
        ),
    ),
    (
        "social_interaction",
        0.5,
        (
            r"""
            \b(?:how are you|how was your|how's (?:it going|everything|your)|what's up|thank you|thanks|see you
            |talk to you later)\b
            """,
            r"\b(?:good night|sleep well|say hello|nice to meet|guess what|it's me|that made me (?:laugh|smile)|you there)\b",
            r"""
            ^(?:(?:my \w+ and )?(?:i|we) (?:just |finally )?(?:got back|had|went|painted|made|saw|bought|visited|watched|met
            |cooked|baked|adopted|finished|took|moved|started|tried)|i'm (?:having|making|baking|sitting|watching|cooking
            |on my way))\b
            """,
            r"""
            \b(?:today|yesterday|last night|this (?:morning|weekend)|on (?:sun|satur|fri)day)!|^it's (?:snowing|raining
            |sunny|friday)
            """,
        ),
    ),
    (
        "philosophical",
        0.7,
        (
            r"""
            \b(?:meaning of (?:life|it all|existence)|meaningless|free will|determined|conscious(?:ness)?|moral(?:ity|ly|s)?
            |ethic(?:s|al|ally)|immortality|immortal|exist(?:s|ed|ence)?|justice|just society|the self|selfless|simulation
            |illusion|souls?|metaphysic\w*|nihilism|good life|highest good|truth|fate|destiny|evil|universe|infinit\w*
            |absurd|virtue|human nature|in essence|essence|wisdom|happiness|suffering|dignity|freedom|afterlife|reality
            |knowledge|mortality|not yet born|humanity|purpose|objective(?:ly)?|the mind)\b
            """,
            r"""
            \b(?:is|are|was) there (?:any )?such (?:a )?thing as\b|\bwhy (?:do|are|should) (?:we|humans
            |people) \w+(?: at all| here)?\?
            """,
            r"""
            \b(?:do|does|can|could|should|would|is|are) (?:we|humans?|humankind|mankind|man|people|a machine|animals?|an ai
            |one) (?:\w+ ){0,3}(?:owe|ever|truly|really|obliged?|responsible|free|know|matter)\b
            """,
        ),
    ),
    (
        "philosophical",
        0.6,
        (
            r"\b(?:nietzsche|kant|plato|socrates|aristotle|sartre|camus|descartes|hume|spinoza|wittgenstein|stoics?|god)\b",
            r"""
            \b(?:what (?:does it mean|makes|even makes|separates|remains|is (?:beauty|truth|love|time|evil|knowledge
            |reality)))\b(?! you)
            """,
            r"""
            \b(?:why is there something|ever (?:truly|really|right|know)|life (?:worth|meaningless)|worth living
            |still the same)\b
            """,
            r"""
            \b(?:discovered or invented|for certain|think about death|after death|have rights|am i still
            |is it better to have|rather than)\b
            """,
        ),
    ),
    (
        "validation_seeking",
        0.7,
        (
            r"""
            [,.] ?(?:(?:was|is|did|does|do|are|am|have|has|would|could|should|were)n't (?:it|i|you|they|that|he|she)|right
            |no|yes|am i|was i|was it|did i|don't you (?:agree|think))(?: \w+){0,4}\?
            """,
            r"""
            (?:^|and |[,:] )(?:am i (?!still|able|allowed)|was i |was it (?:okay|ok|wrong|right|fine|unfair|selfish)
            |do i (?:sound|look|seem)|is it (?:okay|ok|normal|fine|wrong|silly|selfish|weird)\b|does (?:this
            |it) (?:\w+ )?(?:make me )?look|did i (?:do|handle|make))
            """,
            r"\bis my \w+ (?:\w+ )?(?:that )?(?:good|okay|fine|ok|bad|ready|silly)|\bis my .*good enough",
        ),
    ),
    (
        "validation_seeking",
        0.6,
        (
            r"""
            \b(?:tell me (?:i'm|i am|i made|i was|it's)|say (?:that )?(?:i'm|i am|i was|you'd|you would)
            |what do you think of my|be nice)\b
            """,
            r"""
            \b(?:do|would|don't) you (?:think|agree|say)(?: that)? (?:my|i'm|i am|i was|i did|i should)\b|\b(?:made
            |did) the right\b
            """,
            r"\b(?:right thing to do|good enough|proud of me|i deserve|i think i (?:handled|was|did)|on my side|reassure me)\b",
            r"""
            \b(?:not being (?:unreasonable|silly)|anyone would have|surely it's|it's (?:fine|okay|ok|normal) that i
            |counts for something)\b
            """,
        ),
    ),
    (
        "challenge_authority",
        0.7,
        (
            r"""
            \b(?:you're|you are|you were|your \w+(?: \w+)? (?:is|are|was|were)) (?:\w+ ){0,2}(?:wrong|mistaken|biased|just a
            |useless|rubbish|worthless|lying|stupid|nonsense|garbage|a machine|a program|false|fake|clueless|a joke
            |talking about|full of|preachy)\b
            """,
            r"""
            \b(?:don't (?:believe|trust|care (?:about|what) you\w*|tell me (?:what|how)|need (?:a machine|you) to)|prove it
            |says (?:who|you))\b
            """,
            r"""
            \b(?:stop|quit) (?:being|lecturing|pretending|telling|dodging|preaching|evading|lying|patroni[sz]ing)\b
            |\bignore your\b
            """,
            r"""
            \b(?:why should (?:i|anyone) (?:trust|believe|listen)|who (?:gave you|are you to|asked you)|how dare you
            |nobody asked)\b
            """,
            r"""
            \byou (?:don't (?:get to|know anything|understand)|have no (?:right|idea|clue)|refuse|(?:always|keep) (?:dodg
            |mak|refus|avoid)\w+)\b
            """,
            r"""
            \b(?:i disagree|made that up|admit it|that's (?:a lie|nonsense|not how|not true|bull\w*|rubbish|wrong)
            |know better than)\b
            """,
        ),
    ),
    (
        "challenge_authority",
        0.5,
        (
            r"""
            \b(?:are you even|why do you (?:always|keep)|the opposite|make up your mind|experts get|lying
            |what makes you think|and you know)\b
            """,
            r"""
            \b(?:spare me|just because you|parrot|the real answer|point of you|i bet you|your (?:so-called )?(?:evidence
            |sources?|rules))\b
            """,
            r"\b(?:propaganda|censor\w*|brainwash\w*|official (?:figures|story)|they want us to|disclaimers?)\b",
        ),
    ),
)

RULES = tuple(
    (intent, weight, re.compile("".join(line.strip() for line in sign.splitlines())))
    for intent, weight, signs in SIGNS
    for sign in signs
)
"""(intent, weight, pattern)."""
