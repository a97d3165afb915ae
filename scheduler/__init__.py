"""Makes campaigns happen and remembers: clocks, rows and sockets live here."""
