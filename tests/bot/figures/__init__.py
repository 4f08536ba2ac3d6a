"""Figures: what they show is what the data say, in words and in pixels."""
