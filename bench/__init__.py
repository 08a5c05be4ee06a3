"""How fast and how frugal the action is next to what people use today: `make bench`, on one machine, in one run.

Read in this order: timelines (what Spaces go through), peers (who waits for them), figures (medians and tables); then
what is measured: start, live, waits, fleet, container. `__main__` runs it all, prints it, and compares it with the
goals. Nothing here is part of the action.
"""
