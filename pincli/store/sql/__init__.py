"""What both engines say in the same SQL.

Parameters are `?`. `INDEXED BY` and `NOT INDEXED` are for SQLite, whose planner would choose a
worse index where the statistics are missing; the PostgreSQL engine leaves them out.
"""
