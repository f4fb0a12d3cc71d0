"""httpx, and httpx2, which has the same classes under another name. Private."""
