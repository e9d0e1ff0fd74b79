"""Tests of pincli.store.postgresql."""
