"""aiohttp, at its connections. Private."""
