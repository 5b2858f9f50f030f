"""The contest: what others make of the same records, on a server that loses answers, and killed at random."""
