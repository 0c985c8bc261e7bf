"""`ktctl replay`: recorded requests are sent again."""
