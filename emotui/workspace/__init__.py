"""A TurboMind workspace and its `config.ini`."""
