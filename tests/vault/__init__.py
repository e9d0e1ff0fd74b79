"""Keys, verifiers, seals and macs: what they bind, what they refuse, what they never show."""
