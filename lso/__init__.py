"""What trained methods are for: optimization in their latent spaces."""
