"""What can be asked of a step: the table of inputs, their readers, the fleet file, settings, help and completion."""
