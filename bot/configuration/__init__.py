"""How config.yaml becomes objects: strict YAML, strict models, cross-checks, and problems in words.

May not know Slack, the database, the clock, or how a rule is judged; `bot.config` is its door.
"""
