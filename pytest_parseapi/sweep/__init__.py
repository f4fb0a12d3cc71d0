"""The sweep: fail every call of an existing test, and judge the consumer. Private."""
