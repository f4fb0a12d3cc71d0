"""Exchanges that were recorded elsewhere, read from HAR files and VCR.py cassettes. Private."""
