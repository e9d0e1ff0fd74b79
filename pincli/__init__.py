"""pincli: check a caller's six-digit support PIN, and never give anybody a seventh guess."""

__version__ = "0.1.0"
