"""What can be put into Zendesk: one module a kind."""
