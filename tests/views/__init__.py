"""Tests of what people and programs see."""
