"""urllib3, and requests, which uses it. Private."""
