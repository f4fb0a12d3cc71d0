"""The simulated service of any provider: routing, scripts, runs, webhooks. Private."""
