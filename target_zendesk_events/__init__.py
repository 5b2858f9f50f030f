"""The records of any Singer tap, in Zendesk: on timelines, in profiles, custom objects and tickets."""
