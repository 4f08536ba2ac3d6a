"""The command line as a person uses it: real files, a real database, a practice workspace on a socket."""
