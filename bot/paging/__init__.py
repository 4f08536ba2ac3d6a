"""The second path, outside Slack: what is sent by e-mail and webhook, to whom, and when.

May not know Slack's API, nor any record of a subject: it is given what `bot.access` has cleared for it, and for closed
alerts that is nothing but the fact that one waits.
"""
