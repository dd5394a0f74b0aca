"""What can happen: the contract of every event, and the one way to publish and to subscribe."""
