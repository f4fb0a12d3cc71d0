"""What a provider is made of, and the words that all rooms share: private; the kit is exported."""
