"""What pincli is compared with: standalone scripts, the libraries alone. None is imported."""
