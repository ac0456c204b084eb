def measure(peer):
    pass
