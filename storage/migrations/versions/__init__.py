"""The steps themselves: `0001`, `0002`, … each a frozen description of what it changes."""
