"""The commands of the command line, one room each; cli.py asks for them by name."""
