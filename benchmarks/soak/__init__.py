"""Weeks of a pipeline in minutes: real processes on one clock that leaps over what only waits."""
