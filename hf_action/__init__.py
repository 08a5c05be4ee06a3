"""Operate Hugging Face Spaces, and wait until they are truly in the stage asked for.

Read in this order: clock, rules.stages, rules.outcomes, rules.sanitize, rules.addresses, rules.models, rules.waiting,
rules.pace, rules.selection, rules.results, inputs.readers, inputs.table, inputs.usage, inputs.completion,
inputs.fleet, inputs.settings, diagnosis_old, report.gantt, report.outputs, report.summary, hub.bounds, hub.failures,
hub.redirects, hub.transport, hub.refusals, hub.keyless, hub.facts, hub.app, hub.listing, hub.streams, hub.client,
operations.progress, operations.events, operations.polling, operations.batch, operations.undo, runner.github,
runner.log, runner.terminal, step, main

The rules come first; docs/architecture.md draws the rooms.
"""

VERSION = "0.1.0"
