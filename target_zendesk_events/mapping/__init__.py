"""What a record means: rules and templates turn it into events."""
