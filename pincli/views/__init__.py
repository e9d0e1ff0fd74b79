"""What people see and what programs read. Commands decide nothing about it."""
