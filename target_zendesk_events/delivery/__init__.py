"""Getting there once, in order, at the allowed rate."""
