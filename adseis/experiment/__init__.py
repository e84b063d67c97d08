"""The nouns of an experiment: a clock, a grid, a medium on it, sources and receivers, and whether they fit each other."""
