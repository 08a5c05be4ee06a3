"""Holds the real Hub against the simulated one: `make live`, for whoever has a Space to throw away.

A tour of the Space makes every request that the action makes, and more. The same tour of a simulated Space of the same
kind shows what was expected; the differences are reported. Nothing here is part of the action.

Read in this order: findings (what a tour finds), shapes and headers (what of an answer is compared), comparison;
connection and streams (how a Hub is asked), survey (what must be known before), tour (what all steps share), steps (in
their order), restoring, reference (the simulated Hub), anonymity and report (what comes out), options, __main__.
"""
