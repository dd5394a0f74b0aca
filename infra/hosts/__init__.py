"""Hosts run functions: Ray Serve, AWS Lambda, memory for unit tests; and the schedules' clock."""
