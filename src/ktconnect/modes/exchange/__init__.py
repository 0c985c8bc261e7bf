"""`ktctl exchange`: the two ways in which callers are led here, by selector and by scale."""
