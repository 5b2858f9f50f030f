"""What runs in the contenders' environments, where nothing of ours is installed."""
