"""Holds the real Hub against the simulated one: `make live`, for whoever has a Space to throw away.

A tour of the Space asks all that the action asks, and more. The same tour is made of a simulated Space of the same
kind, and what differs is told. Nothing here is part of the action.

Read in this order: findings (what a tour finds), shapes and headers (what of an answer is compared), comparison;
connection and streams (how a Hub is asked), survey (what is known before), tour (what all steps need), steps (what is
done, in its order), restoring, reference (the simulated Hub), anonymity and report (what comes out), options, __main__.
"""
