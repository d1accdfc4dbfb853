"""A GitHub of our own: a real HTTP server that answers as GitHub publishes, and refuses what it does not."""
