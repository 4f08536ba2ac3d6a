"""What is said, as content: facts about one thing, without words, not yet cleared. May not know Slack or wording."""
