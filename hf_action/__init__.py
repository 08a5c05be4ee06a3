"""Operate Hugging Face Spaces, and wait until they are truly in the stage asked for.

Read in this order: stages, errors, waiting, facts, selection, inputs, usage, completion, fleet, settings, causes,
gantt, report, listening, looking, operations, undo, hub, runner, terminal, attempt, main. The pure modules come first;
docs/architecture.md draws them.
"""

VERSION = "0.1.0"
