"""A local Zendesk to try things on: the documented API, its limits, its faults, and the agent's timeline page."""
