"""The same application with bugs that no test of it finds."""
