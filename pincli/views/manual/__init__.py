"""The manual: a page a command, topics, and the man page made of both."""
