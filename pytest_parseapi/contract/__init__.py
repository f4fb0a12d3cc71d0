"""The cases of a contract: what they script, play and judge. Private."""
