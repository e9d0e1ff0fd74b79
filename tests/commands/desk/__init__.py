"""The desk without a terminal: keys, lines, the state machine and its pictures."""
