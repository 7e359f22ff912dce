"""What is optimized in a latent space: one task a file."""
