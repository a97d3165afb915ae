"""What is unwise or wrong about a campaign beyond its grammar: one rule a file, seeing values only."""
