"""What of a content may leave for Slack, field by field. May not know who asks: `bot.access` decides that."""
