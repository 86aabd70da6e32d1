"""The trained classifier of pairs: how a pair is written for it, and the network that reads it."""
