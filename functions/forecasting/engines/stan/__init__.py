"""Stock Prophet, one process of CmdStan for each fit: the reference."""
