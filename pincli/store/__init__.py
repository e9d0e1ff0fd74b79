"""The only place that knows SQL and lock files. It hands out domain objects and whole steps."""
