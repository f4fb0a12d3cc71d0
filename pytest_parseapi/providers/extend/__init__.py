"""Extend's Parse API: private."""
