"""What was sent, for ever: one door, two databases."""
