"""Measurements, each as a ratio to a bare loop that does the least of the same work in the same run."""
