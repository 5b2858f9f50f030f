"""`python -m target_zendesk_events`: the target, as the console script runs it."""

from target_zendesk_events.scripts import target_zendesk_events

if __name__ == "__main__":
    target_zendesk_events()
