"""Private: keeps documented hosts out of reach for whatever is not intercepted."""
