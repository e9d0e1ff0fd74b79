"""The rules against formulations of their own, over whole domains where they are finite."""
