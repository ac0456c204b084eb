"""``make smoke``: the whole main job on a fresh stack, with a line of evidence for each step."""
