"""The encoder actor: reads texts with a language model and gives vectors of their words."""
