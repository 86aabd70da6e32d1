"""The llm actor: many model endpoints as one."""
