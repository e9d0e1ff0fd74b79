"""What tests share: a store with keys, the program as a process, a terminal around it."""
