"""Kafka: the topics as they stand on a broker."""
