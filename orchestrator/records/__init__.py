"""What is kept of trials: files beside the sweep, and runs in MLflow."""
