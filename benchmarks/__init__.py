"""How fast the target is, and how much memory it takes, side by side with what else one could run."""
