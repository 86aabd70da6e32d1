"""The thinking actor: what happens between a question and its answer."""
