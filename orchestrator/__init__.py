"""Where and when methods are trained: studies, Ray Tune, MLflow, comparison. The only package with Ray and MLflow."""
