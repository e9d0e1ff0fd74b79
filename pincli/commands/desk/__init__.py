"""`pincli desk`, the agent's shift in one screen.

`transitions.py` and `state.py` are pure: a key or a response comes in, the next state and the
next request go out. `controller.py` holds the state, `backend.py` asks the store, and
`screen.py` and `lines.py` drive the terminal.
"""
