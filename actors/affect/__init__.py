"""What is felt in a text, and in a talk: GoEmotions' 28 labels, without a model call. A library that knows no actor."""
