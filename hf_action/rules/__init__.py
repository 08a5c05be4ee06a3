"""Pure rules and values: stages, outcomes, what the Hub says, when waiting ends, harmless text."""
