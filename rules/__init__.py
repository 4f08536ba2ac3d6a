"""The protocol's rules as pure functions: records in, findings out.

May not know the clock, the network, files, the database, Slack, or who asks.
"""
