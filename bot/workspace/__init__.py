"""The practice workspace: a Slack-compatible server on loopback, with a page to look at it.

It speaks the Web API methods and Socket Mode messages that the bot uses, enforces Slack's limits and error
codes, and misbehaves on request. It stands for a system outside the bot: it may not know rules, storage,
configuration or any part of the bot except the published limits of Block Kit (`bot.slack.limits`).
"""
