"""The second path, against real servers on loopback."""
