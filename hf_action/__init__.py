"""Operate Hugging Face Spaces, and wait until they are truly in the stage asked for.

Read in this order: stages, errors, waiting, facts, selection, settings, fleet, causes, report, looking, operations,
undo, hub, runner, attempt, main. The pure modules come first; only hub, runner and main touch the world.
"""

VERSION = "0.1.0"
