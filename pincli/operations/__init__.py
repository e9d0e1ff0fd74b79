"""What pincli does, as functions that print nothing: verify, collect, change, unlock, reset."""
