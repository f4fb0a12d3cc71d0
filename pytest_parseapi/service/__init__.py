"""The simulated service of whatever provider: routing, scripts, runs, webhooks. Private."""
