"""The rules, pure: what a PIN is, when it locks, who has one, what a name looks like."""
