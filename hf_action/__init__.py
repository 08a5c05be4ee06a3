"""Operate Hugging Face Spaces, and wait until they are truly in the stage asked for.

Read in this order: clock, rules.stages, rules.outcomes, rules.sanitize, rules.models, rules.waiting, rules.pace,
rules.selection, rules.results, inputs.readers, inputs.table, inputs.usage, inputs.completion, inputs.fleet,
inputs.settings, diagnosis_old, report.gantt, report.outputs, report.summary, report.withheld, hub.transport,
hub.refusals, hub.client, operations.progress, operations.events, operations.polling, operations.batch, operations.undo,
runner.streams, runner.files, runner.github, runner.log, runner.publisher, runner.terminal, step, main

The rules come first; docs/architecture.md draws the rooms.
"""

VERSION = "0.1.0"
