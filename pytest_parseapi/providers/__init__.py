"""The registry of providers, and one folder for each provider: private."""
