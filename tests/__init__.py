"""The tests, in folders that mirror pincli's; scenarios/ runs the installed program."""
