"""Fuzzing of what reads text from elsewhere: a short run in `make test`, a long one by `python -m tests.fuzz`.

Read in this order: targets (what is fuzzed, with what, and what must hold), __main__ (the long run).
"""
