"""Storms, kills and outages over one PostgreSQL server."""
