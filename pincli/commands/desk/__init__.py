"""`pincli desk`, the agent's shift in one screen.

`shift.py` and what it builds on are pure: keys and answers in, what to show and what to do
out. `terminal.py` and `screens.py` have the terminal, `work.py` the store, `loop.py` runs them.
"""
