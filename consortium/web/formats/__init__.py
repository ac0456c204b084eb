"""How dates and numbers look, the same in both languages: sortable and unmistakable."""
