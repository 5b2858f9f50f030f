"""The contract with the tap and the runner: messages in, STATE out."""
