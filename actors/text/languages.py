"""Which language a text is in, as far as its smallest words show it, and those words, which carry no topic. Pure.

What the background life reads without a model is English; other languages are known so that nothing is claimed of them.
"""

from __future__ import annotations

import re
from typing import Final

from actors.text.stopwords import STOPWORDS

__all__ = ["is_english", "is_foreign", "small_words"]

WORD: Final = re.compile(r"[^\W\d_]+")

GERMAN: Final = """
aber alle allem allen aller alles als also am an andere anderen auch auf aus bei beim bin bis bist bitte da dabei dafür dahin
damit dann daran darauf das dass dazu dein deine dem den denn der des deshalb dich die dies diese diesem diesen dieser dieses
dir doch dort du durch eben ein eine einem einen einer eines einfach einmal er erst es etwas euch euer für ganz gar gehen geht
gemacht genau gerade gern gerne gibt gut habe haben habt hast hat hatte hatten hier hin ich ihm ihn ihnen ihr ihre ihrem ihren
immer in ins ist ja jede jeden jeder jetzt kann kannst kein keine keinen können könnte leider man mal machen macht mehr mein
meine meinem meinen meiner mich mir mit morgen muss musste möchte müssen nach nicht nichts nie noch nun nur ob oder ohne schon
sehr sein seine seinem seinen seit sich sie sind so soll sollen sollte sondern sonst über übrigens um und uns unser unsere
unter viel viele vielleicht vom von vor war waren warum was weg wegen weil weiter weiß welche wenn wer werde werden wie wieder
will wir wird wo wollen wollte wurde würde während zu zum zur zwar zwischen ziemlich heute gestern
"""
SPANISH: Final = """
a ahora al algo algún alguna algunos allí antes aquí así aunque bien bueno cada casi como con cosa creo cual cuando cuándo
cuál cómo de del desde después donde dónde dos durante e el él ella ellas ellos en entonces entre era eran eres es esa ese eso
esta está estaba estamos están estar estas este esto estos estoy fue fueron ha había han hace hacer hacia hasta hay haya he
hemos hoy la las le les lo los luego más mañana me mi mí mis mismo mucha muchas mucho muchos muy nada ni no nos nosotros
nuestra nuestro nunca o os otra otras otro otros para pero poco por porque pues puede puedes puedo que qué quien quién quiere
quiero se sé sea ser si sí siempre sin sobre solo son soy su sus también tan tanto te tengo tiene tienen tienes toda todas
todo todos tu tú tus un una unas unos usted va vamos van vez voy y ya yo gusta gustan gustaría ayer
"""
FRENCH: Final = """
à ai alors as au aucun aussi autre aux avant avec avez avoir avons beaucoup bien ça ce cela ces cet cette ceux chaque chez
comme comment dans de des depuis deux du elle elles en encore entre es est et étais était été être eu eux fait faire faut il
ils j je jamais juste l la là le les leur leurs lui m ma mais me même mes moi mon n ne ni nos notre nous on ont ou où par
parce pas pendant peu peut plus pour pourquoi quand que quel quelle qui rien s sa sans se ses si son sont sur suis ta tes toi
ton toujours tous tout toute très tu un une va vais vos votre vous y
"""
OTHERS: Final = tuple(frozenset(words.split()) for words in (GERMAN, SPANISH, FRENCH))

ENGLISH_FROM: Final = 0.15
"""The share of a text's words that are English small words, from which it may be English: plain talk has a third and more."""


AMBIGUOUS: Final = """
am also bin comment de del dem den des die dos el era gut ha hat la las le los mal man once plus pour sea sin solo son sur ton
van war weg will
"""
ALSO_ENGLISH: Final = STOPWORDS | frozenset(AMBIGUOUS.split())
"""Small words of others that are English words too, or stand in names ("Las Palmas", "de la Cruz"): they show nothing."""

FOREIGN_FROM: Final = 2
"""Small words of another language from which a text with few English ones is known to be in it: one may be a name."""


def small_words(text: str) -> frozenset[str]:
    """The small words of the language that a text is in; English ones where it is in none that is known."""
    words = WORD.findall(text.lower())
    return max((STOPWORDS, *OTHERS), key=lambda known: sum(word in known for word in words))


def is_english(text: str) -> bool:
    """Whether a text is English, as far as its small words show it."""
    words = WORD.findall(text.lower())
    known = small_words(text)
    return known is STOPWORDS and sum(word in known for word in words) >= ENGLISH_FROM * len(words)


def is_foreign(text: str) -> bool:
    """Whether a text is surely in another language than English."""
    words = WORD.findall(text.lower())
    known = small_words(text)
    if known is STOPWORDS:
        return False
    found = sum(word in known and word not in ALSO_ENGLISH for word in words)
    english = sum(word in STOPWORDS and word not in known for word in words)
    return found > english and (found >= FOREIGN_FROM or not english)
