"""The guard: blocks requests to documented hosts by clients that are not intercepted. Private."""
