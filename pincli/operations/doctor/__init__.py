"""Checks of whether everything is as it should be; one file per subject."""
