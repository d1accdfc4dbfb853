"""What we know about the fleet, and what we do with it."""
