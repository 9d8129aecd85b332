"""The heart: the lifecycle of a loss of service."""
