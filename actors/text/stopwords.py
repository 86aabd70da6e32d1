"""English words that carry no topic: a query is not looked up by them, unless it has no others."""

from __future__ import annotations

__all__ = ["STOPWORDS"]

LIST = """
a about above after again all also am an and any are as at be because been before being below between both but by can
could did do does doing down during each few for from further had has have having he her here hers him his how i if in into is
it its itself just me more most my no nor not now of off on once only or other our out over own same she should so some such
than that the their them then there these they this those through to too under until up very was we were what when where which
while who whom whose why will with would you your s t d ll m re ve
"""

STOPWORDS = frozenset(LIST.split())
