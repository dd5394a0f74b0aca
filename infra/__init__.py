"""What a process needs around it: settings, servers, hosts, the command line."""
