"""The store: durable, exclusive, whole or not at all, and never somebody else's database."""
