"""The fault campaign: the real house under load, faults on a seeded schedule, and a checker that trusts neither.

`python3 run.py chaos` runs it; docs/chaos.md tells how to read what it prints, and how to add a row. It needs what the tests
need: the house as a test starts it, the scripted model server, the openai package.
"""
