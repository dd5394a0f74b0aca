"""Build and content of the container image."""
