"""What happens to a store, each step in one transaction; knows the rules and no SQL."""
