"""The cycles: what the daemon does in the background. Each is a class with a name, a description and one coroutine."""
