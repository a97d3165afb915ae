"""What several tests build on: a small shop on disk, and a schedule of it that a test can live through."""
