"""The memory actor: what is remembered, recalled and forgotten."""
