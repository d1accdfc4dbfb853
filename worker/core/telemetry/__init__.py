"""What leaves a process about its own work, and what is hidden from it."""
