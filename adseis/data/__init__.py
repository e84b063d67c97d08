"""Models and records in files, and synthetic media."""
