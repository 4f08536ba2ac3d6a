"""Where records come from: files, simulations, and what plug-ins add. Each source only reads.

May not know the database, rules, Slack or the config file: it is given its settings and what it remembered.
"""
