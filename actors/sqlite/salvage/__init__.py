"""Recovers what can be read of a damaged database file into a new one of the same schema.

`course` is the whole of it; `tables` says what may stand in a table, `walking` reads rows around what cannot be read, and
`leftovers` takes them page by page where tables cannot be walked.
"""

from actors.sqlite.salvage.course import fits, salvage

__all__ = ["fits", "salvage"]
