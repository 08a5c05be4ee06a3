"""A Hub to run against: Spaces whose stages are a function of a clock, behind the Hub's own API for Spaces.

Read in this order:
- space (what a Space is made of), app (what its program answers), files and repository (its commits), answers (how it
  is shown), life (one Space's past and future);
- access (who may do what, how often), flavors, registry and world (all Spaces), limits (accounts), listing;
- edge (pages in front of the apps), streams, changes, repos and downloads (files by request), asked, api (requests),
  faults (answers gone wrong), server (sockets);
- recording (what the action has recorded of a Hub), player (which answer of it is whose), replay (it, served);
- scenarios (Spaces worth watching); clock is for tests.

What is imitated and what isn't: DIFFERENCES.md.
"""
