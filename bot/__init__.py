"""The bot: configuration, the cycle, Slack, and the command line.

Composes `rules/` and `storage/`; may not decide what a number means (`rules/derive.py` does).
"""

__version__ = "0.1.0"
