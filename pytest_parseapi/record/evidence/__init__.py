"""What the consumer logged and printed. Private."""
