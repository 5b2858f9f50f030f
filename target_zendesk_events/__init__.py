"""Events from any Singer tap, on customers' timelines in Zendesk."""
