// A preload that does nothing: what --require itself costs.
