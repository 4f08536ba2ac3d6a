"""The demo: a simulated trial played through the real product, in a practice workspace, from real state.

May not shortcut anything: what is seen went through the same sources, rules, outbox and Slack SDK as in a live study.
"""
