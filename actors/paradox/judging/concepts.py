"""What counts as what: foods of a kind, countries of a continent, who is family. Data only: ways.txt and stages.txt name them.

Everyday knowledge that no pair of statements spells out: that bacon is meat, that Vietnam lies in Asia, that a niece is no
child of one's own. Words stand in their base form; `either` finds their plurals as well.
"""

from __future__ import annotations

__all__ = ["CONCEPTS", "CONTINENTS", "either"]


def either(words: str) -> str:
    """An expression that finds any of the words; "_" stands for a space."""
    return rf"(?:{'|'.join(word.replace('_', ' ') for word in words.split())})(?:e?s)?"


# The countries that most is told of; towns where people say the town.
CONTINENTS = {
    "africa": "africa egypt morocco tunisia algeria libya kenya nigeria ghana senegal ethiopia tanzania uganda rwanda zambia"
    " zimbabwe namibia botswana mozambique angola cameroon congo madagascar mali sudan cairo marrakesh marrakech nairobi lagos"
    " dakar accra cape_town johannesburg tunis casablanca addis_ababa zanzibar",
    "asia": "asia china japan korea vietnam thailand laos cambodia india nepal tibet pakistan bangladesh sri_lanka malaysia"
    " singapore indonesia bali philippines taiwan mongolia kazakhstan uzbekistan iran iraq tokyo kyoto beijing shanghai seoul"
    " bangkok hanoi saigon delhi mumbai kathmandu jakarta hong_kong manila",
    "america": "america usa texas california florida canada mexico brazil argentina chile peru bolivia colombia ecuador"
    " venezuela cuba uruguay paraguay panama guatemala costa_rica new_york chicago boston toronto montreal vancouver"
    " los_angeles san_francisco rio buenos_aires lima bogota havana patagonia",
    "australia": "australia sydney melbourne perth brisbane adelaide tasmania",
    "europe": "europe spain portugal france italy germany austria switzerland belgium holland netherlands denmark sweden norway"
    " finland iceland ireland scotland england wales poland czechia slovakia hungary romania bulgaria greece croatia serbia"
    " slovenia albania ukraine russia estonia latvia lithuania malta cyprus turkey paris rome madrid barcelona lisbon porto"
    " berlin munich hamburg vienna zurich brussels amsterdam copenhagen stockholm oslo helsinki dublin edinburgh london warsaw"
    " prague budapest athens istanbul venice florence naples milan sicily tuscany crete seville provence brittany corsica",
}

HOME = frozenset(
    [
        "usa",
        "texas",
        "california",
        "florida",
        "canada",
        "new_york",
        "chicago",
        "boston",
        "toronto",
        "montreal",
        "vancouver",
        "los_angeles",
        "san_francisco",
        "australia",
        "sydney",
        "melbourne",
        "perth",
        "brisbane",
        "adelaide",
        "tasmania",
        "ireland",
        "scotland",
        "england",
        "wales",
        "dublin",
        "edinburgh",
        "london",
    ]
)
"""Where people speak English: whoever does may live there, so that it is not abroad for them, nor Europe for the British."""

EITHER_SIDE = frozenset(["turkey", "istanbul", "cyprus", "russia"])
"""In Europe or in Asia, as one takes it."""

WORDS = {
    "usa": "america usa united_states texas california florida new_york chicago boston los_angeles san_francisco",
    # Foods.
    "meat": "meat bacon beef steak sausage ham burger hamburger pork salami meatball schnitzel brisket veal venison mince"
    " chorizo kebab hot_dog bratwurst prosciutto roast_beef pork_chop lamb_chop pepperoni goulash bolognese spare_rib drumstick"
    " black_pudding pastrami foie_gras roast_chicken chicken_wing lamb_curry chicken_curry",
    # These also run about in a yard, or are a country: to have or to like them is not to eat them.
    "fowl": "chicken turkey duck goose lamb mutton liver rib chop",
    "fish": "fish salmon tuna cod trout herring mackerel sardine anchovy haddock sushi halibut eel sea_bass plaice kipper",
    "shellfish": "shellfish seafood prawn shrimp lobster crab oyster mussel clam scallop squid calamari crayfish"
    " scampi langoustine",
    "pork": "pork bacon ham sausage salami chorizo prosciutto crackling pork_chop black_pudding",
    "dairy": "milk cheese butter yoghurt yogurt cream ice_cream milkshake cappuccino latte custard mozzarella cheddar brie feta"
    " quark kefir",
    "egg": "egg omelette quiche meringue mayonnaise frittata",
    "gluten": "bread baguette pasta spaghetti croissant pizza beer toast noodle cake bread_roll pretzel lasagne bagel ciabatta"
    " sandwich biscuit",
    "nut": "nut peanut peanut_butter walnut almond hazelnut cashew pistachio nutella marzipan praline satay pecan",
    "sweet": "chocolate sweets candy cake biscuit cookie ice_cream pudding dessert doughnut donut pastry pastries fudge toffee"
    " jelly_bean lollipop pie tiramisu brownie",
    "fruit": "strawberry strawberries apple banana kiwi peach pear cherry cherries plum orange mango",
    "alcohol": "beer wine whisky whiskey vodka gin rum cocktail pint champagne prosecco cider schnapps brandy tequila sherry"
    " lager ale martini mojito bourbon grappa cognac glass_of_red glass_of_white glasses_of_red glasses_of_white"
    " gin_and_tonic nightcap",
    "coffee": "coffee espresso latte cappuccino macchiato flat_white americano",
    "spicy": "chilli chili vindaloo jalapeno hot_sauce tabasco sambal",
    # People.
    "son": "son boy",
    "daughter": "daughter girl",
    "own_child": "son daughter child children kid baby babies toddler twins little_one boy girl firstborn eldest youngest",
    "sibling": "brother sister twin sibling twin_brother twin_sister",
    "spouse": "husband wife spouse wives",
    "lover": "girlfriend boyfriend partner fiance fiancee",
    "flatmate": "flatmate roommate housemate lodger",
    "staff": "employee staff assistant apprentice secretary co-founder cofounder business_partner",
    "patient": "patient ward stethoscope",
    # Things.
    "instrument": "piano guitar violin cello drum flute clarinet saxophone trumpet trombone oboe harp viola banjo accordion"
    " ukulele organ bass double_bass keyboard tuba bagpipe mandolin fiddle",
    "farm": "cow sheep goat pig hen chicken tractor barn",
    "medicine": "pill tablets medication medicine antibiotic insulin inhaler blood_pressure_pill painkiller",
    "device": "pacemaker implant hip_replacement metal_plate stent artificial_hip titanium_hip",
    "screen": "tv television telly",
    "computer": "laptop computer pc macbook desktop",
    "phone": "phone mobile smartphone iphone cell_phone",
    "bank_card": "credit_card debit_card card",
    "furry": "cat dog rabbit hamster guinea_pig kitten puppy",
    "sport": "football tennis basketball hockey rugby cricket volleyball handball badminton squash",
    "limb": "arm leg wrist ankle nose rib collarbone collar_bone hip finger toe foot shoulder thumb elbow bone",
    "upper_floor": "second third fourth fifth sixth seventh eighth ninth tenth top 2nd 3rd 4th 5th 6th 7th",
}

CONCEPTS: dict[str, str] = {name: either(words) for name, words in (WORDS | CONTINENTS).items()} | {
    "abroad": either(" ".join(word for word in " ".join(CONTINENTS.values()).split() if word not in HOME)),
    "europe": either(" ".join(word for word in CONTINENTS["europe"].split() if word not in HOME | EITHER_SIDE)),
    # Being there, rather than a parcel or a friend from there.
    "visit": r"(?:been|went|go|goes|gone|travelled|traveled|flew|drove|sailed|moved|backpacked|hiked|cycled|lived|worked"
    r"|studied|stayed|taught|volunteered|interned|married|summer|winter|year|years|month|months|week|weeks|holiday|honeymoon|semester"
    r"|term|days|trip|weekend|christmas)(?: (?!not\b|never\b|without\b|about\b|from\b)[\w-]+){0,3}? (?:in|to|through|across"
    r"|around|near|outside) (?:[\w-]+ )?",
    # Nothing follows that makes another thing of it: "no phone signal", "no car keys".
    "end": r"(?=$|[.,;:!?)]| (?:and|but|so|because|since|at all|in|of|any ?more|yet|or|now|either|myself|anyway|to feed)\b)",
    "single": r"single(?=$|[.,;:!?)]| (?:and|but|again|now|since|for|at|by|woman|man|girl|mother|mum|mom|father|dad|parent)\b)",
    "alcohol": either(WORDS["alcohol"])
    + r"(?! (?:glass\w*|rack|cellar|bars?|garden|dress\w*|party|vinegar|list|shop|festival|tent|gums?|region|country|sauce"
    r"|batter|merchant|cupboard|fridge|of (?:milk|water|juice|lemonade|squash))\b)",
    "coffee": either(WORDS["coffee"])
    + r"(?! (?:table|shop|machine|house|cake|beans?|break|grinder|cup|mug|ice|bar|morning|stain|maker|pot)\b)",
    "fish": either(WORDS["fish"]) + r"(?! (?:tank|pond|bowl|food|market|shop)\b)",
    "dairy": rf"(?<!sun )(?<!face )(?<!hand )(?<!shaving )(?<!a ){either(WORDS['dairy'])}(?! (?:tooth|teeth|for my)\b)",
    "ate": r"(?:ate|eat|eats|eaten|eating|devoured|tasted|put away|tucked into|wolfed down|polished off|demolished|grill)"
    r"(?: (?!for\b|not\b|no\b|never\b|without\b|to\b|on\b)[\w'-]+){0,4}?",
    # Whose something is, as a whole word before it.
    "own": r"(?:my|our|his|her|their|[\w-]+'s)"
    r"(?: (?:own|old|new|older|younger|elder|little|big|first|second|two|three|twin|late))*",
    # That somebody is or has become something. A "not" is never within.
    "be": r"(?:am|is|are|have been|has been|became|went|turned|being)"
    r"(?: (?!not\b|no\b|never\b|nearly\b|almost\b|hardly\b|barely\b|former\b|ex\b|the\b|my\b|our\b|his\b|her\b|their\b"
    r"|in\b|at\b|on\b|for\b|with\b|into\b|against\b|about\b|from\b|than\b|like\b|(?!being\b|going\b)\w+ing\b)[\w-]+){0,2}?",
    "no": r"(?:(?:do|does|did|have|has|had) not (?:own|have|keep|possess|got|had|owned)(?: got)?(?: an?| any)?"
    r"|(?:have|has|had|have got|has got|got|with|own|owns) no|never (?:had|owned|have had|has had)(?: an?| any)?)",
    "eat": r"(?:ate|eat|eats|eaten|eating|had|having|have|has|ordered|orders|order|devoured|love|loved|loves|like|liked|likes"
    r"|enjoy|enjoyed|tried|tasted|crave|put away|tucked into|wolfed down|polished off|live on|lived on|lives on|go for|went for"
    r"|finished|bit into|demolished|grill|chew|snack on|nibble)"
    r"(?: (?!for\b|not\b|no\b|never\b|without\b|to\b|on\b)[\w'-]+){0,4}?",
    "drink": r"(?:drank|drink|drinks|drunk|drinking|had|having|have|has|ordered|order|orders|sipped|sip|love|loved|enjoy"
    r"|enjoyed|downed|shared|opened|finished|poured myself|like|liked)(?: (?!for\b|not\b|no\b|never\b|without\b"
    r"|to\b)[\w'-]+){0,4}?",
}
"""Each name, with what finds it in a normalised text; to be put in place of {name}."""
