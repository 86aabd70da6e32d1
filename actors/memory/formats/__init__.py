"""Files that memories come in: a room for each format. They know records, and neither the actor nor its database."""
