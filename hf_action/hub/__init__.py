"""The Hub: questions and writes, how a request travels, what a refusal means."""
