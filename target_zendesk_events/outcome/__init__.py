"""What a run leaves behind: STATE, dead letters, numbers and words."""
