"""`pincli desk`, the agent's shift in one screen.

`shift.py` and what it builds on are pure: keys and answers come in, the next state
and what to ask go out. `sitting.py` has the state, `work.py` the store; `screen.py` and `lines.py`
have the terminal.
"""
