"""What words have to do with each other: families of a topic, exclusive values, opposites. Data only, read by the rules."""

from __future__ import annotations

from actors.paradox.judging.words import stem, words_of

__all__ = ["BAD", "COUNTRIES", "EXCLUSIVE", "FAMILIES", "GOOD", "OPPOSITES", "SAID_WITH_NO", "VALUES", "WITHIN"]


def stems(words: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words.split())


# Words of one topic. Two statements that share a family are related although they share no word.
TOPICS = {
    "home": "live residence flat house move unpack landlord rent tenant neighbourhood settle relocate",
    "work": "job work boss office colleague employer career hire company manager shift desk profession salary employ",
    "school": "school pupil teacher class student university study exam degree phd teach",
    "smoking": "smoke cigarette tobacco lighter cigar vape",
    "alcohol": "alcohol beer wine whisky whiskey vodka gin rum cocktail pint champagne booze teetotal teetotaller sober pub",
    "meat": "meat bacon beef steak chicken sausage ham burger pork lamb turkey salami vegetarian vegan",
    "dairy": "milk cheese butter yoghurt yogurt cream dairy vegan lactose",
    "coffee": "coffee espresso latte cappuccino caffeine decaf",
    "couple": "single date marry husband wife boyfriend girlfriend partner divorce wedding fiance engage couple dating spouse"
    " bachelor bride groom",
    "children": "child son daughter baby pregnant toddler twins",
    "siblings": "brother sister sibling twin",
    "animals": "animal pet dog cat puppy kitten rabbit hamster parrot",
    "car": "car drive driver licence license parking motorway vehicle garage",
    "cycling": "bike bicycle cycle cyclist",
    "train": "train station rail railway platform",
    "flying": "fly flight plane airport airline pilot",
    "money": "money pay paid cost price salary debt broke rich bank loan savings",
    "health": "ill sick doctor hospital flu symptom healthy surgery diagnosis",
    "sleep": "sleep bed nap insomnia awake wake alarm",
    "water": "swim water pool lake sea beach river puddle",
    "garden": "garden lawn mow flowerbed backyard",
    "faith": "god faith church pray religion religious atheist believe christian muslim bible",
    "software": "deploy build ci release server bug service branch code production staging ssh automate",
    "meeting": "meeting standup appointment call reschedule",
    "travel": "abroad travel trip overseas holiday",
    "fitness": "gym run marathon workout training jog",
    "food": "food eat meal dinner lunch breakfast cook recipe restaurant stew",
    "weather": "weather sunny rain snow hot cold warm storm",
    "heating": "heating radiator boiler plumber warm",
    "reading": "book read novel author library",
    "music": "piano guitar violin music song sing band choir singer",
    "hospitality": "hotel hostel cabin room check-in stay",
    "weight": "weigh weight kilo kilos scale kg",
    "voting": "vote election polling ballot",
}

# Values of which one subject has one at a time, in one place, in one respect.
VALUES = {
    "colour": "red blue green yellow purple black white orange pink brown grey gray silver beige turquoise violet",
    "weekday": "monday tuesday wednesday thursday friday saturday sunday",
    "month": "january february march april june july august september october november december",
    "season": "summer autumn winter spring",
    "room": "kitchen bathroom bedroom living-room hallway attic cellar basement garage balcony dining",
    "instrument": "piano clarinet guitar violin cello drums flute saxophone trumpet harp trombone banjo",
    "language": "rust python java javascript typescript golang ruby kotlin cobol haskell perl php swift",
    "system": "debian ubuntu windows linux macos fedora freebsd",
    "database": "postgres postgresql mysql sqlite mongodb oracle redis",
    "sex": "boy girl",
    "hand": "left-handed right-handed ambidextrous",
    "diet": "vegetarian vegan carnivore",
    "pet": "dog cat rabbit hamster parrot goldfish tortoise",
    "vehicle": "car bus train plane tram bicycle bike motorbike taxi ferry",
    "drink": "tea coffee water juice beer wine milk",
    "place": "first second third fourth fifth last",
    "sport": "football tennis basketball handball rugby cricket hockey golf volleyball badminton",
    "direction": "north south east west",
    "meal": "breakfast lunch dinner supper",
    "profession": "doctor nurse teacher lawyer plumber carpenter engineer baker pilot cook chef accountant electrician "
    "journalist architect dentist librarian tailor butcher postman policeman painter gardener farmer fisherman miner"
    " soldier sailor priest vicar surgeon vet midwife cashier hairdresser barber",
    "kinship": "sister brother cousin aunt uncle mother father grandmother grandfather niece nephew daughter son wife husband",
    "material": "wood steel plastic glass stone brick concrete leather cotton wool polyester silk linen nylon velvet",
    "taste": "sweet salty sour bitter",
}

# Pairs that cannot both hold of one subject at one time. Either side may be several words of the same sense.
PAIRS = (
    ("open", "close shut"),
    ("empty", "full"),
    ("love adore enjoy like prefer", "hate dislike despise loathe detest"),
    ("alive", "die"),
    ("marry", "single unmarried divorce bachelor"),
    ("awake", "asleep"),
    ("rich wealthy", "poor broke"),
    ("early", "late"),
    ("win", "lose last"),
    ("first", "last"),
    ("arrive", "depart"),
    ("remember", "forget"),
    ("accept agree", "refuse reject decline disagree"),
    ("for favour support pro", "against oppose"),
    ("safe", "dangerous unsafe risky"),
    ("cheap", "expensive pricey"),
    ("hot", "cold freezing"),
    ("big huge enormous", "small tiny little"),
    ("tall", "short"),
    ("long", "short"),
    ("old", "new young"),
    ("quiet silent", "loud noisy"),
    ("clean", "dirty filthy"),
    ("easy simple", "hard difficult complicated"),
    ("light bright", "dark"),
    ("wet", "dry"),
    ("hungry starving", "full"),
    ("miss lose", "find"),
    ("male", "female"),
    ("introvert", "extrovert outgoing"),
    ("brave fearless", "afraid scared coward terrified"),
    ("lazy", "hardworking industrious"),
    ("healthy well", "ill sick unwell"),
    ("introverted shy", "extroverted outgoing"),
    ("sober teetotal", "drunk tipsy"),
    ("right correct", "wrong incorrect mistaken"),
    ("true", "false"),
    ("same unchanged identical", "different"),
    ("inside indoors", "outside outdoors"),
    ("above upstairs", "below downstairs"),
    ("near close nearby", "far"),
    ("pass", "fail"),
    ("buy", "sell"),
    ("public", "private"),
    ("guilty", "innocent"),
    ("legal", "illegal"),
    ("possible", "impossible"),
    ("honest", "liar dishonest lie"),
    ("messy untidy", "tidy neat"),
    ("patient", "impatient"),
    ("morning", "evening night"),
    ("left-handed", "right-handed"),
    ("believer religious faith", "atheist"),
    ("increase rise grow", "decrease shrink fall drop"),
    ("on", "off"),
    ("present", "absent"),
    ("employed", "unemployed jobless"),
    ("fat overweight", "thin skinny slim"),
    ("everybody everyone always", "nobody never"),
    ("free", "busy booked"),
    ("working", "broken"),
    ("alone", "together"),
    ("beginner", "expert fluent"),
    ("productive", "unproductive"),
    ("vegetarian vegan", "carnivore"),
    ("optimist", "pessimist"),
    ("accident", "deliberately purpose"),
    ("allow permit welcome", "forbid forbidden prohibit ban"),
    ("generous", "stingy mean miserly"),
    ("calm relaxed", "nervous tense furious"),
    ("crowded packed", "deserted empty"),
    ("exciting thrilling gripping", "boring dull tedious"),
    ("friendly kind nice", "rude unfriendly cruel nasty"),
    ("beautiful pretty", "ugly hideous"),
    ("strong", "weak feeble"),
    ("thick", "thin"),
    ("wide broad", "narrow"),
    ("deep", "shallow"),
    ("sharp", "blunt"),
    ("heavy", "light lightweight"),
    ("rough bumpy", "smooth"),
    ("soft", "hard firm"),
    ("modern", "old-fashioned ancient outdated"),
    ("strict", "lenient easy-going"),
    ("comfortable", "uncomfortable"),
    ("reliable", "unreliable"),
    ("polite", "impolite rude"),
    ("happy glad cheerful", "unhappy sad miserable"),
    ("fresh", "stale rotten"),
    ("punctual", "late"),
    ("optional voluntary", "compulsory mandatory required obligatory"),
    ("temporary", "permanent"),
    ("mild", "spicy"),
    ("urban city", "rural countryside"),
    ("majority most", "minority"),
    ("stay remain", "leave depart"),
    ("succeed", "fail"),
    ("start begin", "end finish"),
    ("even", "odd"),
    ("raw", "cooked"),
    ("natural", "artificial"),
    ("visible", "hidden invisible"),
    ("dead", "alive"),
    ("guest visitor", "host"),
    ("married", "bachelor widow widower"),
    ("up", "down"),
    ("upstairs", "downstairs"),
    ("manual hand", "automatic automated"),
    ("handwritten", "printed typed"),
    ("sweet", "bitter sour"),
    ("confident", "insecure"),
    ("trust", "distrust mistrust"),
    ("free", "taken occupied"),
    ("vacant", "filled occupied"),
    ("include", "exclude"),
    ("plenty lots", "hardly scarce"),
)

GOOD = stems(
    """good great brilliant excellent perfect lovely wonderful amazing fantastic superb delicious awesome fun benevolent
    splendid terrific flawless pleasant gorgeous delightful outstanding impressive best success""",
)
BAD = stems(
    """bad awful terrible horrible disaster dreadful disgusting rude worst boring useless horrendous nightmare catastrophe
    lousy poor mess failure disappointing inedible ugly""",
)

# A narrower word and the wider one that it is a case of: never at odds.
WITHIN_PAIRS = {
    "instrument": "piano clarinet guitar violin cello drums flute saxophone trumpet harp",
    "animal": "dog cat horse rabbit parrot hedgehog bird cow",
    "doctor": "cardiologist surgeon dermatologist dentist paediatrician",
    "vehicle": "car bus train bike truck lorry van",
    "food": "bread meat soup rice pasta stew",
    "sport": "football tennis handball rugby",
    "child": "boy girl son daughter",
    "parents": "mum dad",
}

COUNTRIES = words_of(
    """afghanistan
    albania algeria argentina armenia australia austria azerbaijan bangladesh belarus belgium bolivia bosnia brazil
    britain bulgaria cambodia canada chile china colombia croatia cuba cyprus czechia denmark ecuador egypt england estonia
    ethiopia europe africa asia america finland france georgia germany ghana greece guatemala holland hungary iceland india
    indonesia iran iraq ireland israel italy jamaica japan jordan kazakhstan kenya korea kuwait laos latvia lebanon libya
    lithuania luxembourg malaysia malta mexico moldova mongolia montenegro morocco myanmar nepal netherlands nicaragua niger
    nigeria norway oman pakistan panama paraguay peru philippines poland portugal qatar romania russia rwanda scotland senegal
    serbia singapore slovakia slovenia somalia spain sudan sweden switzerland syria taiwan tanzania thailand tunisia turkey
    uganda ukraine uruguay uzbekistan venezuela vietnam wales yemen zambia zimbabwe uk usa us bavaria brittany tuscany
    catalonia andalusia scandinavia texas california florida"""
)

FAMILIES: dict[str, frozenset[str]] = {}
for _name, _words in TOPICS.items():
    for _word in stems(_words):
        FAMILIES[_word] = FAMILIES.get(_word, frozenset()) | {f"~{_name}"}

EXCLUSIVE: dict[str, str] = {stem(word): name for name, words in VALUES.items() for word in words.split()}

OPPOSITES: dict[str, frozenset[str]] = {}
for _left, _right in PAIRS:
    for _one, _others in ((_left, _right), (_right, _left)):
        for _word in stems(_one):
            OPPOSITES[_word] = OPPOSITES.get(_word, frozenset()) | stems(_others)

WITHIN: dict[str, str] = {stem(narrow): stem(wide) for wide, narrows in WITHIN_PAIRS.items() for narrow in narrows.split()}

SAID_WITH_NO = "doubt|wonder|matter|way|problems?|worries|pressure|rush|hurry"
"""What follows a "no" that denies nothing and takes nothing back, as an expression."""
