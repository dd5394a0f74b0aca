"""What feeds functions: Ray Serve for real, memory for unit tests, and the clock's ticks."""
