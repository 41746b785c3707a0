"""Stands in for LMDeploy 0.2.4 where the real one (2.6 GB) is not wanted."""
