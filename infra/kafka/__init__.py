"""Kafka: topics, users and outages of a broker."""
