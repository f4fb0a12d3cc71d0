"""The live server: the simulated API over real sockets. Private."""
