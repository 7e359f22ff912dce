"""Models of the objective that say what they do not know."""
