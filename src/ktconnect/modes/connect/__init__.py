"""`ktctl connect`: what is known, the ways in, the names, and the connection at work."""
