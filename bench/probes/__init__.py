"""Small programs that run on the laptop: what no standard tool measures exactly enough."""
