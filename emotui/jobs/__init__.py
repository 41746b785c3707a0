"""Long work that runs detached from whoever asked for it."""
