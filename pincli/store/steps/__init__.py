"""What happens to a store, each step in one transaction; knows the rules and no SQL.

Steps share these arguments and results:

- `asked` is a user's record as it was read before; a step reads the user again.
- `rows` are users' row numbers, and `uids` the uids expected there, if the rows were read before.
- `tampered` collects the logins of tampered records, which are left out. If it is None, a tampered
  record raises StoreUnavailable.
- A refusal that is returned is recorded already; the caller raises it.
- A Change is the record before and after; both are equal if there was nothing to do.
"""
