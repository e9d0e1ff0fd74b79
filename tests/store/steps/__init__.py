"""The steps, each in its one transaction, on a real store."""
