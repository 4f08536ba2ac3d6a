"""Pictures of designs and of trials against them, with the words that say the same.

This room draws numbers that `rules.statistics` has computed: it knows no records, no Slack, and computes no statistic.
"""
