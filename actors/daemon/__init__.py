"""The daemon actor: the background life: cycles that run between the talks."""
