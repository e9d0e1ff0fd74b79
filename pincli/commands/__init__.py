"""One module a command family: parse, call an operation, hand the result to a view.

Each has an `app`; one that is a group of commands says so with `GROUP`.
"""
