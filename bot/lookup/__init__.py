"""Looking things up for people: stored facts and the records of one snapshot become content (`bot.contents.questions`).

May not know Slack, decide who reads what (`bot.access`), or word an answer (`bot.wording`).
"""
