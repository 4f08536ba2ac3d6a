"""Documentation that is executed: what it says about commands, tables and configuration is held against the code."""
