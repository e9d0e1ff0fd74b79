"""The README and the chapters of the manual: every command in them works."""
