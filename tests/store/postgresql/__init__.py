"""Tests of pincli.store.postgresql, against a real server."""
