"""One file or folder for each client library, the live server, and the guard. Private."""
