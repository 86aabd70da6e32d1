"""An actor's database: one SQLite file that one process owns; its copies, its encryption, and what is done when it is damaged.

`database.py` is what actors use. Knows no subsystem and no schema.
"""
