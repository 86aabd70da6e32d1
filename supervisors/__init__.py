"""Restarts things: child specs, strategies, intensity, backoff, processes. Knows no subsystem."""
