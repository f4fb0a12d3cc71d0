"""What a provider is made of, and the words that all share: private; the kit is exported."""
