"""Importing people: lines, formats, rows, and what becomes of them in the store."""
