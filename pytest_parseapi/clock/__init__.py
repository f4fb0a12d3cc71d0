"""Virtual time. Private."""
