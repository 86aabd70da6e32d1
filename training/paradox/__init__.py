"""The pair classifier of the paradox actor: whether two statements are at odds. See MODEL_CARD.md."""
