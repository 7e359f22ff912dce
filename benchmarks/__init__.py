"""What the project costs, always as a ratio to a stated baseline measured in the same run. See README.md."""
