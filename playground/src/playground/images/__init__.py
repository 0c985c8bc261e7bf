"""Container images without a registry: archives made from folders and Debian packages."""
