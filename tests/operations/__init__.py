"""What pincli does, event by event, against DESIGN.md's tables and a model of its own."""
