"""What one user may use, right across replicas, so that the others do not notice."""
