"""HTTP as it was seen: requests and their answers, kept in files, told apart from each other."""
