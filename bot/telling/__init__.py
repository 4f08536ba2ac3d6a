"""What is told without anybody asking: on schedule, as time passes, many things at once. May not word it."""
