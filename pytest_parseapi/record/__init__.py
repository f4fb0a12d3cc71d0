"""What happened in a test: attempts, operations, runs, deliveries, and their timeline. Private."""
