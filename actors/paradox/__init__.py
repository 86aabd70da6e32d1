"""The paradox actor: contradictions between what is said and what is remembered."""
