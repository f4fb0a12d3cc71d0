"""The sweep: it makes each request of an existing test fail, and judges the consumer. Private."""
