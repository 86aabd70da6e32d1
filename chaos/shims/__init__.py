"""Houses whose world is broken: the real command line on a disk, a clock or a network that fails when it is told to.

`python -m chaos.shims.disk up …` is `run.py up …` but for that. What is broken stands in a file that a row writes and removes,
since it has to reach every process of the house. Nothing of this is in the house's own code.
"""
