"""Is this machine fit? Findings and the checks that make them."""
