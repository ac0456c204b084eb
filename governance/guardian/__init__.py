"""What a guardian runs: sign that a node be frozen or a proposal cancelled. Stands alone, without Django."""
