"""Tables of a study report, counted on the facts of one snapshot; knows no words, no layout and nobody who reads them.

Every number comes from `rules.derive`, and what an event is from the filters that rules use: a table cannot disagree
with an alert.
"""
