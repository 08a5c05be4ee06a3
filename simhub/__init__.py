"""A Hub to run against: Spaces whose stages are a function of a clock, behind the Hub's own API for Spaces.

Read in this order: space (what a Space is made of), app (what its program answers), answers (how it is shown),
access (who may do what, how often), flavors and life (one Space's past and future), registry and world (all of them),
listing, limits, edge (pages in front of the apps), streams, api (requests), faults (answers gone wrong), server
(sockets), scenarios (Spaces worth watching). clock is for tests. What is imitated and what isn't: DIFFERENCES.md.
"""
