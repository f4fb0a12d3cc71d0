"""Mocks and recorders of the test's own, beside the simulation: one module each. Private."""
