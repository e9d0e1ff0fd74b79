"""Looking whether everything is as it should be; one file a subject."""
