"""HTTP in, messages out. Knows the actors' contracts, never their classes, and holds nothing that matters.

`actor.py` is the actor, `service.py` the way of a request through it; every other file is what a user looks for by its name.
"""
