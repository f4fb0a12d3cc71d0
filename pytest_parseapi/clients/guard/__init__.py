"""Private: keeps documented hosts out of reach of what is not intercepted."""
