"""Completion scripts for bash, zsh and fish, written from the program's own commands.

Ours, and not Typer's, because those evaluate what the program prints: an account named
`x$(command)` ran it. Here a script holds every command and option as fixed text, and only
names come from the program, each line of it taken as one literal word.
"""
