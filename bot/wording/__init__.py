"""Every word a person reads in Slack: the one place to change, translate or proof-read it.

May not know Block Kit, the database, or who may read what: it turns facts that were already disclosed
(`bot.views`) into sentences. English only, and the documentation says so.
"""
