"""The room that speaks with Slack: views become messages, messages are delivered once, clicks come back.

May not know how a rule is judged or what may be shown to whom: that is decided in `bot/access.py` before
anything reaches this room.
"""
