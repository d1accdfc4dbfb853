"""Snow depth and snow water equivalent from station files."""
