"""Background work without further services: a queue in the store, worker threads, retries, dead letters."""
