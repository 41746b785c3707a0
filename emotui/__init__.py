"""EmoTUI: the terminal cockpit for LMDeploy."""

__version__ = "0.1.0"
