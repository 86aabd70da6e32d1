"""Search: the records that say what a query asks for, scored term by term."""
