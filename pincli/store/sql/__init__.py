"""The SQL that both engines share.

Parameters are `?`. `INDEXED BY` and `NOT INDEXED` are for SQLite, whose planner would choose a
worse index without statistics; the PostgreSQL engine leaves them out.
"""
