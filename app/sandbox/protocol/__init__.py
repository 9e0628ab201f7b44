"""AWS's protocols over HTTP: read requests, check signatures, write answers."""
