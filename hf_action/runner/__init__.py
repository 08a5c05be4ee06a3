"""The machine the step runs on: environment, files, log, terminal."""
