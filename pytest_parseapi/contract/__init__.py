"""The cases of a contract: what they script, run and judge. Private."""
