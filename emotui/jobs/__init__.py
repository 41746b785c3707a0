"""Long work, detached from the app."""
