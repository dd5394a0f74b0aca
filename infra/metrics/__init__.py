"""What is counted and asked, for Prometheus."""
