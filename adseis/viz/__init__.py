"""Pictures of sections, gathers and curves."""
