"""Static analysis of the contracts with Slither, each finding answered: `make analyse`."""
