"""Bringing a backup back, or taking in a store that pincli refuses."""
