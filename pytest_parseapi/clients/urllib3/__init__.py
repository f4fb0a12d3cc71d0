"""urllib3, and requests, which stands on it. Private."""
