"""What a person asks for: each file combines nouns into one verb; both faces call nothing else."""
