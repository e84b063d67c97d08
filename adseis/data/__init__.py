"""Arrays on grids in files, one format a file: models, gathers, surveys; and synthetic media and problems made of them."""
