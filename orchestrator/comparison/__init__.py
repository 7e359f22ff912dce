"""What came out: tables, statistics, figures, pages."""
