"""Programs that measure pincli against what is possible; see README.md here."""
