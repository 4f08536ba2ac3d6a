"""What is remembered, append-only and hash-chained, on SQLite and PostgreSQL by the same code.

May not know Slack, wording, or how a rule is judged: it imports only `rules.model`, `rules.errors`
and `rules.sdtm` from its neighbour.
"""
