"""Tests of the operations, against DESIGN.md's tables and a small model."""
