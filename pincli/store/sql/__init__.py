"""What both engines say in the same SQL."""
