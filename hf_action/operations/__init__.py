"""What each operation sends and waits for, for one Space or many."""
