"""What people see and what programs read. No command decides how anything looks."""
