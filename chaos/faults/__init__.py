"""Faults, a family a file. Each file exports `ROWS`; row.py collects them, so that a new family touches no other."""
