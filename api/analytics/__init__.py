"""What the dashboards show, read from the buckets that worker.analytics keeps."""
