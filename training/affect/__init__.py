"""The affect classifier: GoEmotions' 28 labels over a MiniLM encoder. See MODEL_CARD.md."""
