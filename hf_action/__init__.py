"""Operate Hugging Face Spaces, and wait until they are truly in the stage asked for.

Read in this order: clock, rules.stages, rules.outcomes, rules.sanitize, rules.models, rules.waiting, rules.pace,
rules.selection, rules.results, rules.operations, inputs.readers, inputs.table, inputs.usage, inputs.completion,
inputs.fleet, inputs.settings, diagnosis.text, diagnosis.tracebacks, diagnosis.evidence, diagnosis.messages,
diagnosis.signs, diagnosis.conditions, diagnosis.hub_causes, diagnosis.build_causes, diagnosis.module_causes,
diagnosis.run_causes, diagnosis.causes, diagnosis.remedies, diagnosis.diagnosis, diagnosis.page, report.gantt,
report.outputs, report.summary, hub.transport, hub.refusals, hub.client, operations.progress, operations.events,
operations.watching, operations.writes, operations.polling, operations.execution, operations.explanation,
operations.batch, operations.undo, runner.github, runner.log, runner.terminal, step, main

The rules come first; docs/architecture.md draws the rooms.
"""

VERSION = "0.1.0"
