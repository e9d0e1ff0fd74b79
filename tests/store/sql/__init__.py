"""The SQL that both engines share."""
