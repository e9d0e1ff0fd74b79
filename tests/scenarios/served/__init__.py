"""Storms, kills and outages over one PostgreSQL, where only a server can have them."""
