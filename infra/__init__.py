"""Infrastructure: settings, servers, hosts, metrics, the command line."""
