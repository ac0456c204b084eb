"""Permission lists at scale: compiling, serving, telling, acknowledging, with agents that speak real TLS."""
