"""`ParseAPI`, its assertions, and the simulation behind it. Private but for what is exported."""
