"""The contract of the command line: exit codes, JSON, streams and help."""
