"""What a model folder is."""
