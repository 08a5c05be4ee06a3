"""Operate Hugging Face Spaces, and wait until they are really in the stage asked for.

Read in this order: clock, rules.stages, rules.outcomes, rules.sanitize, rules.addresses, rules.models, rules.waiting,
rules.pace, rules.selection, rules.account, rules.operations, rules.results, rules.retrying, rules.rollback,
rules.answers, rules.findings, rules.identity, rules.checkup, rules.trusted, rules.healing, rules.json_text,
rules.anonymity, rules.recording, inputs.names, inputs.readers, inputs.forms, inputs.commands, inputs.table,
inputs.usage, inputs.completion, inputs.nodes, inputs.fleet, inputs.doors, inputs.checks, inputs.recording,
inputs.settings, inputs.doctor, diagnosis.text, diagnosis.tracebacks, diagnosis.evidence, diagnosis.signs,
diagnosis.conditions, diagnosis.build_causes, diagnosis.hub_causes, diagnosis.module_causes, diagnosis.run_causes,
diagnosis.settings_causes, diagnosis.causes, diagnosis.messages, diagnosis.remedies, diagnosis.diagnosis,
diagnosis.page, report.gantt, report.outputs, report.summary, report.listing, report.withheld, report.checkup,
hub.bounds, hub.failures, hub.redirects, hub.retrying, hub.transport, hub.refusals, hub.app, hub.keyless, hub.listing,
hub.facts, hub.repository, hub.streams, hub.examination, hub.client, hub.login, hub.recorder, operations.progress,
operations.events, operations.polling, operations.writes, operations.acting, operations.verdicts, operations.waking,
operations.execution, operations.retrying, operations.rollback, operations.explanation, operations.rounds,
operations.watching, operations.selecting, operations.batch, operations.undo, operations.examining, runner.streams,
runner.files, runner.github, runner.log, runner.terminal, runner.publisher, runner.states, runner.surroundings,
runner.recording, step, doctor, main

The rules come first; docs/architecture.md draws the rooms.
"""

VERSION = "0.1.0"
