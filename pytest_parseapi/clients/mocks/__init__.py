"""Mocks and recorders that a test uses beside the simulation: one module each. Private."""
