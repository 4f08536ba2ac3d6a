"""One module per command: read the configuration, compose through `bot.app`, report, return an exit code.

May not decide anything about records, rules or delivery.
"""
