"""Operate Hugging Face Spaces, and wait until they are truly in the stage asked for.

Read in this order: clock, rules.stages, rules.outcomes, rules.sanitize, rules.models, rules.waiting, rules.pace,
rules.selection, rules.account, rules.addresses, rules.operations, rules.results, inputs.names, inputs.readers,
inputs.forms, inputs.table, inputs.usage, inputs.completion, inputs.nodes, inputs.fleet, inputs.doors, inputs.checks,
inputs.settings, diagnosis.text, diagnosis.tracebacks, diagnosis.evidence, diagnosis.signs, diagnosis.conditions,
diagnosis.build_causes, diagnosis.hub_causes, diagnosis.module_causes, diagnosis.run_causes, diagnosis.causes,
diagnosis.messages, diagnosis.remedies, diagnosis.diagnosis, diagnosis.page, report.gantt, report.outputs,
report.listing, report.summary, report.withheld, hub.transport, hub.refusals, hub.client, hub.login,
operations.progress, operations.events, operations.polling, operations.writes, operations.execution,
operations.explanation, operations.selecting, operations.watching, operations.batch, operations.undo, runner.streams,
runner.files, runner.github, runner.log, runner.publisher, runner.terminal, step, main

The rules come first; docs/architecture.md draws the rooms.
"""

VERSION = "0.1.0"
