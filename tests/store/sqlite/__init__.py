"""The engine for one host."""
