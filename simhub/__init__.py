"""A Hub to run against: Spaces whose stages are a function of a clock, behind the Hub's own API for Spaces.

Read in this order: world (what a Space is at a time), answers (how it is shown), access (who may do what, how
often), scenarios (Spaces worth watching), api (requests), faults (answers gone wrong), server (sockets).
What is imitated and what isn't: DIFFERENCES.md.
"""
