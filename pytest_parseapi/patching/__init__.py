"""Replaces attributes, functions and imports of other libraries, and restores them. Private."""
